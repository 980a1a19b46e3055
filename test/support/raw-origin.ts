// An origin that speaks bytes: it keeps what it received as it came, and answers with the bytes a test says.

import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Test } from 'tap'

export interface Received {
  /** Head and, where its length is framed, body, as latin1. */
  readonly text: string
  readonly socket: Socket
}

export class RawOrigin {
  readonly server: Server
  readonly url: string
  readonly received: Received[] = []
  readonly sockets = new Set<Socket>()

  constructor(server: Server) {
    this.server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** The last request as text. */
  get last(): string { return this.received.at(-1)?.text ?? '' }
}

/** Answers each whole request with what `answer` writes or returns; returns when it listens. */
export async function rawOrigin(
  t: Test, answer: (request: Received, count: number) => string | Buffer | undefined,
): Promise<RawOrigin> {
  let origin: RawOrigin | null = null
  const server = createServer({ allowHalfOpen: false }, (socket) => {
    let pending = ''
    origin?.sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => origin?.sockets.delete(socket))
    socket.on('data', (chunk) => {
      pending += chunk.toString('latin1')
      for (let end = endOfRequest(pending); end > 0; end = endOfRequest(pending)) {
        const request = { text: pending.slice(0, end), socket }
        pending = pending.slice(end)
        origin?.received.push(request)
        const bytes = answer(request, origin?.received.length ?? 0)
        if (bytes !== undefined) socket.write(bytes, 'latin1')
      }
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  origin = new RawOrigin(server)
  const { sockets } = origin
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return origin
}

/** Index behind the first whole request; 0 while there is none. */
function endOfRequest(text: string): number {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return 0
  const head = text.slice(0, headEnd)
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const end = /\r\n0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(headEnd + 2))
    return end === null ? 0 : headEnd + 2 + end.index + end[0].length
  }
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)
  const whole = headEnd + 4 + Number(length?.[1] ?? 0)
  return text.length >= whole ? whole : 0
}
