// Callers of every kind for a while, and what they were told: those who wait, those who leave, who send slowly, read
// slowly, repeat themselves, speak half a head, or open a WebSocket. Prints one line of JSON. Run:
// node bench/mixed-callers.ts PORT SECONDS
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

const [port = 0, seconds = 0] = process.argv.slice(2).map(Number)
const endsAt = performance.now() + seconds * 1000
const told: Record<string, number> = {}
const keepAlive = new Agent({ keepAlive: true, maxSockets: 64 })
let turn = 0

interface Asking {
  readonly path: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Leaves that long after it has asked. */
  readonly leavesAfterMs?: number
}

function count(kind: string, what: string | number): void {
  const name = `${kind} ${what}`
  told[name] = (told[name] ?? 0) + 1
}

/** Resolves to the status, or to how it broke; `left` when it did so itself. */
function ask({ path, method = 'GET', headers = {}, body, leavesAfterMs }: Asking): Promise<string> {
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: keepAlive }, (answer) => {
      answer.on('error', () => { resolve('broken') }).on('end', () => { resolve(String(answer.statusCode)) })
      answer.resume()
    })
    sent.on('error', () => { resolve('broken') })
    if (leavesAfterMs !== undefined) {
      setTimeout(() => {
        resolve('left')
        sent.destroy()
      }, leavesAfterMs)
    }
    sent.end(body)
  })
}

/** A connection of bytes; resolves when it is over, at the latest after `mostMs`. */
function raw(mostMs: number, use: (socket: Socket) => void): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => { use(socket) })
    const timer = setTimeout(() => { socket.destroy() }, mostMs)
    socket.on('error', () => {}).on('close', () => {
      clearTimeout(timer)
      resolve('over')
    })
    socket.on('data', () => {})
  })
}

const kinds: Readonly<Record<string, () => Promise<string>>> = {
  read: () => ask({ path: '/catalogue' }),
  keyed: () => ask({
    path: '/charge', method: 'POST', body: '{"amount":1}',
    headers: { 'content-type': 'application/json', 'idempotency-key': `key-${turn}` },
  }),
  repeated: () => ask({
    path: '/charge', method: 'POST', body: '{"amount":1}',
    headers: { 'content-type': 'application/json', 'idempotency-key': `key-${Math.max(0, turn - turn % 50)}` },
  }),
  'keyed, leaves': () => ask({
    path: '/charge', method: 'POST', body: '{"amount":1}', leavesAfterMs: 3,
    headers: { 'content-type': 'application/json', 'idempotency-key': `left-${turn}` },
  }),
  error: () => ask({ path: '/error' }),
  full: () => ask({ path: '/full' }),
  reset: () => ask({ path: '/reset' }),
  cut: () => ask({ path: '/cut' }),
  'hangs, deadline': () => ask({ path: '/hang', headers: { 'x-request-timeout-ms': '300' } }),
  'hangs, leaves': () => ask({ path: '/hang', leavesAfterMs: 200 }),
  slow: () => ask({ path: '/slow' }),
  'events, leaves': () => ask({ path: '/events', leavesAfterMs: 700 }),
  'large, leaves': () => ask({ path: '/large', leavesAfterMs: 5 }),
  large: () => ask({ path: '/large' }),
  'half a head': () => raw(200, (socket) => { socket.write('POST /charge HTTP/1.1\r\nhost: a\r\ncontent-') }),
  'half a body': () => raw(200, (socket) => {
    socket.write('POST /charge HTTP/1.1\r\nhost: a\r\ncontent-length: 90\r\n\r\n{"amount":1')
  }),
  'bad framing': () => raw(500, (socket) => {
    socket.write('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n')
  }),
  'upload, slow': () => raw(1_500, (socket) => {
    socket.write('POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 10\r\n\r\n')
    let left = 10
    const timer = setInterval(() => {
      socket.write('x')
      if (--left === 0) clearInterval(timer)
    }, 50)
    socket.on('close', () => { clearInterval(timer) })
  }),
  websocket: () => raw(400, (socket) => {
    socket.write('GET /socket HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n'
      + 'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
    setTimeout(() => { socket.write(Buffer.from([0x81, 0x82, 1, 2, 3, 4, 0x69, 0x6b])) }, 50)
  }),
  'websocket, reset': () => raw(400, (socket) => {
    socket.write('GET /socket HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n'
      + 'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
    setTimeout(() => { socket.resetAndDestroy() }, 100)
  }),
}

/** A few of each kind, each going on when it has been told. */
const everyKind = Object.entries(kinds).flatMap(([kind, one]) => {
  const many = kind === 'read' || kind === 'keyed' ? 4 : 1
  return Array.from({ length: many }, async () => {
    while (performance.now() < endsAt) {
      turn++
      count(kind, await one())
      await pause(20)
    }
  })
})
await Promise.all(everyKind)
keepAlive.destroy()
process.stdout.write(`${JSON.stringify(told)}\n`)
