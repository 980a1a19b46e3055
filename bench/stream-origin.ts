// Answers every request with a body of a given size, as fast as the reader takes it: what stands behind the slow-reader
// experiment. Makes no copy of the body; reads no more of a request than its head. Run: node bench/stream-origin.ts
// PORT BYTES
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'

const piece = Buffer.alloc(64 * 1024, 'seawall ')

/** Not listening yet. */
export function createStreamOrigin(bodyBytes: number): Server {
  return createServer({ noDelay: true }, (socket) => {
    // A reader that leaves in the middle is the usual end of this experiment.
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n' +
        `content-length: ${bodyBytes}\r\n\r\n`)
      pour(socket, bodyBytes)
    })
  })
}

/** Writes so many bytes, as fast as they are taken. Once for a socket at a time. */
export function pour(socket: Socket, bodyBytes: number): void {
  let leftBytes = bodyBytes
  const more = (): void => {
    while (leftBytes > 0 && !socket.destroyed) {
      const next = leftBytes >= piece.length ? piece : piece.subarray(0, leftBytes)
      leftBytes -= next.length
      if (!socket.write(next)) return
    }
    socket.off('drain', more)
  }
  socket.on('drain', more)
  more()
}

if (import.meta.main) {
  const [port = 0, bodyBytes = 0] = process.argv.slice(2).map(Number)
  createStreamOrigin(bodyBytes).listen(port, '127.0.0.1')
}
