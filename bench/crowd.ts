// A crowd of callers that take places and give nothing: heads that never end, or connections that have asked once and
// stay. Listens on its first port when all of them are there. Run: node bench/crowd.ts READY_PORT PORT slow-heads|idle
// COUNT
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'

const [readyPort = 0, port = 0] = process.argv.slice(2, 4).map(Number)
const [kind = 'idle', count = '0'] = process.argv.slice(4)
/** Below the share of connections that one address may have. */
const perAddress = 900
const opening = kind === 'slow-heads' ? 1 : 100
/** Each adds a byte to its head once in this time. They know nothing of each other: not all at one moment. */
const dripEveryMs = 1000
const slots = Array.from({ length: 200 }, () => new Set<Socket>())
/** Heads begin one after the other over as long as one may take: all thrown out at one moment is another attack. */
const headTimeoutMs = 10_000
const betweenMs = kind === 'slow-heads' ? headTimeoutMs * opening / Number(count) : 0

for (let i = 0; i < Number(count); i += opening) {
  await new Promise((resolve) => { setTimeout(resolve, betweenMs) })
  await Promise.all(Array.from({ length: Math.min(opening, Number(count) - i) }, (_, j) => join(i + j)))
}
if (kind === 'slow-heads') drip(0)
createServer().listen(readyPort, '127.0.0.1')

/** One slot after the other. */
function drip(turn: number): void {
  for (const socket of slotOf(turn)) socket.write('x')
  setTimeout(() => { drip(turn + 1) }, dripEveryMs / slots.length)
}

function slotOf(index: number): Set<Socket> {
  return slots[index % slots.length] as Set<Socket>
}

/** Resolves when it is there: its head has begun, or its one answer has come. */
function join(index: number): Promise<void> {
  return new Promise((resolve) => {
    const localAddress = `127.0.0.${2 + Math.floor(index / perAddress)}`
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    slotOf(index).add(socket)
    socket.on('error', () => {})
    socket.once(kind === 'idle' ? 'data' : 'connect', () => resolve())
    socket.on('data', () => {})
    socket.on('close', () => {
      slotOf(index).delete(socket)
      resolve()
      // Who is thrown out comes again, as attackers do.
      if (kind === 'slow-heads') setTimeout(() => { void join(index) }, 100)
    })
    socket.write(`GET / HTTP/1.1\r\nhost: bench\r\n${kind === 'idle' ? '\r\n' : 'x-slow: '}`)
  })
}
