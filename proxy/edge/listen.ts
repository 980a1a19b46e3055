// Listening on an address, and what to say when that fails: what was attempted, where, and what to do about it.

import { unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Server } from 'node:net'
import type { ListenerOptions } from '../core/configuration.ts'

/** Resolves when `server` listens on the listener's address; rejects with one line for whoever started it. */
export async function listenOn(server: Server, listener: ListenerOptions): Promise<void> {
  const { address } = listener
  try {
    await tryListen(server, listener).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE' || address.kind !== 'unix' || !await isStale(address.path)) throw error
      await unlink(address.path)
      await tryListen(server, listener)
    })
  } catch (error) {
    throw new Error(explain(error as NodeJS.ErrnoException, listener), { cause: error })
  }
  // Running out of file descriptors shows here, one connection at a time; the server goes on.
  server.on('error', () => {})
}

/** `http://127.0.0.1:8080`, or https, with the port that is really used, or `unix:/path`. */
export function urlOf(server: Server, listener: ListenerOptions): string {
  const { address } = listener
  if (address.kind === 'unix') return `unix:${address.path}`
  const bound = server.address()
  const port = bound !== null && typeof bound === 'object' ? bound.port : address.port
  return `${listener.tls === null ? 'http' : 'https'}://${hostText(address.host)}:${port}`
}

function tryListen(server: Server, { address, backlog }: ListenerOptions): Promise<void> {
  const options = address.kind === 'tcp' ? { host: address.host, port: address.port } : { path: address.path }
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ ...options, backlog }, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}

/** Whether a unix socket is what a killed process left behind: the file is there, and nobody answers. */
function isStale(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    probe.on('connect', () => {
      probe.destroy()
      resolve(false)
    })
    probe.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'))
  })
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
