// An origin with everything that goes wrong, by path: answers, errors, resets before and within an answer, slow and
// endless bodies, silence, and WebSockets that echo nothing. What stands behind the soak; it counts nothing. Run:
// node bench/faulty-origin.ts PORT
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'

const body = JSON.stringify({ status: 'succeeded', note: 'x'.repeat(200) })
const dripEveryMs = 50

const paths: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>> = {
  '/error': (_request, response) => { response.writeHead(500).end('broken') },
  '/full': (_request, response) => { response.writeHead(503, { 'retry-after': '1' }).end() },
  '/reset': (request) => { request.socket.resetAndDestroy() },
  '/cut': (request, response) => {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('half of it')
    setTimeout(() => { request.socket.resetAndDestroy() }, dripEveryMs)
  },
  // Until its caller leaves, or for ten seconds.
  '/hang': (_request, response) => { later(response, 10_000) },
  '/slow': (_request, response) => { drip(response, 20) },
  '/events': (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    drip(response, 200)
  },
  '/large': (_request, response) => { response.end(Buffer.alloc(512 * 1024, 'seawall ')) },
}

/** Not listening yet. */
export function createFaultyOrigin(): Server {
  const server = createServer((request, response) => {
    response.on('error', () => {})
    const answer = paths[request.url ?? '']
    if (answer !== undefined) {
      request.resume()
      return answer(request, response)
    }
    request.resume().on('end', () => {
      response.writeHead(request.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' }).end(body)
    })
  })
  server.on('upgrade', (request, socket) => {
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key'] ?? ''}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n'
      + `sec-websocket-accept: ${accept}\r\n\r\n`)
    socket.on('error', () => {}).on('data', (chunk: Buffer) => { socket.write(chunk) })
    socket.on('end', () => { socket.end() })
  })
  return server
}

function later(response: ServerResponse, afterMs: number): void {
  const timer = setTimeout(() => { response.end(body) }, afterMs)
  response.on('close', () => { clearTimeout(timer) })
}

function drip(response: ServerResponse, times: number): void {
  let left = times
  const timer = setInterval(() => {
    response.write('data: drop\n\n')
    if (--left > 0) return
    clearInterval(timer)
    response.end()
  }, dripEveryMs)
  response.on('close', () => { clearInterval(timer) })
}

if (import.meta.main) createFaultyOrigin().listen(Number(process.argv[2] ?? 0), '127.0.0.1')
