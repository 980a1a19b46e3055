// The cheapest HTTP/1.1 server that is still one: answers every request with the same 200 and small JSON, so that what
// an experiment measures is the proxy in front of it. Understands content-length bodies and pipelining; does not
// understand chunked requests (411) and is no example of a good server. Run:
// node bench/origin.ts PORT [DELAY]; DELAY in milliseconds makes it a service that takes so long for every request.
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'

const maxHeadBytes = 64 * 1024
const headEnd = Buffer.from('\r\n\r\n')
const charge = { id: 'ch_0000000001', amount: 1999, currency: 'eur', status: 'succeeded', note: 'x'.repeat(110) }
const body = JSON.stringify(charge)
const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`
const answer = Buffer.from(head + body)
const answerToHead = Buffer.from(head)
const refusal = 'HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'

/** Answers a request, given as its head, in another way than the others; false: it does not. */
export type Exception = (request: string, socket: Socket) => boolean

/** Not listening yet. */
export function createOrigin(delayMs = 0, exception: Exception = () => false): Server {
  return createServer({ noDelay: true }, (socket) => { serve(socket, delayMs, exception) })
}

function serve(socket: Socket, delayMs: number, exception: Exception): void {
  let held: Buffer = Buffer.alloc(0)
  let bodyLeftBytes = 0
  // A caller that resets its connection is no event for a constant server.
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => {
    let bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    for (;;) {
      const skipped = Math.min(bodyLeftBytes, bytes.length)
      bodyLeftBytes -= skipped
      bytes = bytes.subarray(skipped)
      const end = bytes.indexOf(headEnd)
      if (end < 0) break
      const request = bytes.toString('latin1', 0, end)
      bytes = bytes.subarray(end + headEnd.length)
      if (/\r\ntransfer-encoding:/i.test(request)) {
        socket.end(refusal)
        return
      }
      bodyLeftBytes = Number(/\r\ncontent-length:[ \t]*(\d+)/i.exec(request)?.[1] ?? 0)
      if (exception(request, socket)) continue
      // Answered at the head: the body that follows is only skipped.
      const answered = request.startsWith('HEAD ') ? answerToHead : answer
      if (delayMs === 0) socket.write(answered)
      else setTimeout(() => { socket.write(answered) }, delayMs)
    }
    held = bytes
    if (held.length > maxHeadBytes) socket.destroy()
  })
}

if (import.meta.main) createOrigin(Number(process.argv[3] ?? 0)).listen(Number(process.argv[2] ?? 0), '127.0.0.1')
