// An origin that says nothing by itself: a test takes its connections one by one and decides on every byte and when.

import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { eventually } from '../support/asking.ts'
import { RawOrigin } from '../support/raw-origin.ts'

/** One connection as the origin sees it. */
export class Accepted {
  readonly socket: Socket
  /** Everything received, as latin1, unless reading was left to the test. */
  received = ''
  hasEnded = false
  isClosed = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => { this.received += chunk.toString('latin1') })
    socket.on('end', () => { this.hasEnded = true })
    socket.on('close', () => { this.isClosed = true })
  }

  write(text: string): this {
    this.socket.write(text, 'latin1')
    return this
  }

  /** Waits until what came matches. */
  async until(pattern: RegExp): Promise<string> {
    await eventually(`the origin received ${String(pattern)}`, () => pattern.test(this.received))
    return this.received
  }
}

export class ScriptedOrigin extends RawOrigin {
  readonly accepted: Accepted[] = []

  /** Waits for that many connections, ever. */
  async connections(count: number): Promise<[Accepted, ...Accepted[]]> {
    await eventually(`${count} connections`, () => this.accepted.length >= count)
    return this.accepted as [Accepted, ...Accepted[]]
  }
}

/** `greet` is called with each connection when its first bytes have come. */
export async function scriptedOrigin(t: Test, greet?: (socket: Socket) => void): Promise<ScriptedOrigin> {
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const origin = new ScriptedOrigin(server)
  server.on('connection', (socket: Socket) => {
    origin.sockets.add(socket)
    origin.accepted.push(new Accepted(socket))
    socket.on('close', () => origin.sockets.delete(socket))
    if (greet === undefined) return
    socket.once('data', () => greet(socket))
    // An origin that has been asked and left alone leaves too.
    socket.on('end', () => socket.end())
  })
  t.teardown(() => {
    for (const socket of origin.sockets) socket.destroy()
    server.close()
  })
  return origin
}
