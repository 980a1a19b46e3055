// Listening on an address, and what to say when that fails: what was attempted, where, and what to do about it.

import type { Server } from 'node:net'
import type { ListenerOptions } from '../core/configuration.ts'

/** Resolves when `server` listens on the listener's address; rejects with one line for whoever started it. */
export function listenOn(server: Server, listener: ListenerOptions): Promise<void> {
  const { address, backlog } = listener
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(new Error(explain(error, listener), { cause: error }))
    server.once('error', failed)
    const options = address.kind === 'tcp' ? { host: address.host, port: address.port } : { path: address.path }
    server.listen({ ...options, backlog }, () => {
      server.removeListener('error', failed)
      // Running out of file descriptors shows here, one connection at a time; the server goes on.
      server.on('error', () => {})
      resolve()
    })
  })
}

/** `http://127.0.0.1:8080` with the port that is really used, or `unix:/path`. */
export function urlOf(server: Server, listener: ListenerOptions): string {
  const { address } = listener
  if (address.kind === 'unix') return `unix:${address.path}`
  const bound = server.address()
  const port = bound !== null && typeof bound === 'object' ? bound.port : address.port
  return `http://${hostText(address.host)}:${port}`
}

function hostText(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

function explain(error: NodeJS.ErrnoException, { name, address }: ListenerOptions): string {
  const where = address.kind === 'tcp' ? `${hostText(address.host)}:${address.port}` : address.path
  return `Cannot listen on ${where} for listener "${name}": ${whatToDo(error)}`
}

function whatToDo(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'the address is in use; stop the program that holds it, or choose another "listen" address'
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine has no such address; choose one of its own, or 127.0.0.1'
    case 'EACCES':
      return 'permission denied; choose a port from 1024 up or a path that this user may write'
    case undefined:
    default:
      return error.message
  }
}
