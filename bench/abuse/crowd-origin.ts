// The constant origin with two answers that a crowd needs: /large has 4 MiB, and /silent none at all: who sends a body
// there keeps sending. Run:
// node bench/abuse/crowd-origin.ts PORT
import type { Socket } from 'node:net'
import { createOrigin } from '../origin.ts'
import { pour } from '../stream-origin.ts'

const largeBytes = 4 * 2 ** 20
const largeHead = `HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: ${largeBytes}\r\n\r\n`

createOrigin(0, answersItself).listen(Number(process.argv[2] ?? 0), '127.0.0.1')

function answersItself(request: string, socket: Socket): boolean {
  if (/^[A-Z]+ \/silent /.test(request)) return true
  if (!request.startsWith('GET /large ')) return false
  socket.write(largeHead)
  pour(socket, largeBytes)
  return true
}
