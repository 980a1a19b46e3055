// Where a listener stands, between its text ("127.0.0.1:8080", "[::1]:8080", "unix:/run/seawall.sock") and its parts.
// It never resolves names and opens nothing.

import { isIP } from 'node:net'
import type { ListenAddress } from '../core/configuration.ts'

const tcpPattern = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})$/

/** Null for anything that is neither HOST:PORT (port 0 to 65535) nor unix:/ABSOLUTE/PATH. */
export function parseAddress(text: string): ListenAddress | null {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length)
    // The kernel keeps 108 bytes for the path of a socket, the last of them zero.
    return path.startsWith('/') && Buffer.byteLength(path) <= 107 ? { kind: 'unix', path } : null
  }
  const parts = tcpPattern.exec(text)
  if (parts === null) return null
  const port = Number(parts[3])
  const host = parts[1] ?? parts[2] ?? ''
  if (port > 65_535) return null
  if (parts[1] !== undefined && isIP(host) !== 6) return null
  // Digits and dots that are no address (127.0.0.256) would otherwise be looked up as a name.
  if (/^[0-9.]+$/.test(host) && isIP(host) !== 4) return null
  return { kind: 'tcp', host, port }
}

/** As it is written in a file. */
export function formatAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/** Whether only this machine (or this pod) can reach it. */
export function isLoopback(address: ListenAddress): boolean {
  if (address.kind === 'unix') return true
  const { host } = address
  return host.toLowerCase() === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** Whether two listeners could not stand at both: same path, or same port on the same or on every interface. */
export function collide(a: ListenAddress, b: ListenAddress): boolean {
  if (a.kind === 'unix' || b.kind === 'unix') return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path
  // Port 0 asks for any free port: two of them never meet.
  if (a.port !== b.port || a.port === 0) return false
  return canonical(a.host) === canonical(b.host) || isEveryInterface(a.host) || isEveryInterface(b.host)
}

function canonical(host: string): string {
  return host.toLowerCase() === 'localhost' ? '127.0.0.1' : host.toLowerCase()
}

function isEveryInterface(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}
