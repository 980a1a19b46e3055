// Opens the sockets of undici's clients. Why not undici's own connector: ours takes the server's name from the endpoint
// and never from the Host of a caller, and its timer comes from the clock.

import { connect as connectTcp, isIP } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '../core/clock.ts'
import type { Endpoint } from '../core/upstream.ts'

/** A failed connect is told by `code` like the errors of the system. */
export class ConnectTimeout extends Error {
  readonly code = 'ETIMEDOUT'
}

/** TCP keep-alive probes start after a minute of silence, so that a peer that vanished is noticed at all. */
const tcpKeepAliveMs = 60_000

/** Calls back once: with a connected socket, or with what went wrong. */
export function connect(
  endpoint: Endpoint, timeoutMs: number, clock: Clock, done: (error: Error | null, socket: Socket | null) => void,
): void {
  const { host, port } = endpoint
  const socket = endpoint.isSecure
    ? connectTls({ host, port, servername: isIP(host) === 0 ? host : '', ALPNProtocols: ['http/1.1'] })
    : connectTcp({ host, port })
  socket.setNoDelay(true)
  socket.setKeepAlive(true, tcpKeepAliveMs)
  const timer = clock.after(timeoutMs, () => {
    socket.destroy(new ConnectTimeout(`no connection to ${endpoint.url} within ${timeoutMs} ms`))
  })
  const failed = (error: Error): void => {
    timer.clear()
    done(error, null)
  }
  socket.once('error', failed)
  socket.once(endpoint.isSecure ? 'secureConnect' : 'connect', () => {
    timer.clear()
    socket.off('error', failed)
    done(null, socket)
  })
}
