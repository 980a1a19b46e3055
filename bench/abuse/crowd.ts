// A crowd of callers that take places and give nothing. Listens on its first port when all of them are there. Run:
// node bench/abuse/crowd.ts READY_PORT PORT KIND, one of kinds.ts.
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { kinds } from './kinds.ts'

const [readyPort = 0, port = 0] = process.argv.slice(2, 4).map(Number)
const kind = kinds[process.argv[4] ?? '']
if (kind === undefined) throw new Error(`Cannot make a crowd: expected one of ${Object.keys(kinds).join(', ')}`)
const { count, says, drips, reads, awaitsAnswer, opening, betweenMs } = kind
/** Below the share of connections that one address may have. */
const perAddress = 900
/** Each adds a byte once in this time. They know nothing of each other: not all at one moment. */
const dripEveryMs = 1000
const slots = Array.from({ length: 200 }, () => new Set<Socket>())

for (let i = 0; i < count; i += opening) {
  await new Promise((resolve) => { setTimeout(resolve, betweenMs) })
  await Promise.all(Array.from({ length: Math.min(opening, count - i) }, (_, j) => join(i + j)))
}
if (drips) drip(0)
createServer().listen(readyPort, '127.0.0.1')

/** One slot after the other. */
function drip(turn: number): void {
  for (const socket of slotOf(turn)) socket.write('x')
  setTimeout(() => { drip(turn + 1) }, dripEveryMs / slots.length)
}

function slotOf(index: number): Set<Socket> {
  return slots[index % slots.length] as Set<Socket>
}

/** Resolves when it is there. */
function join(index: number): Promise<void> {
  return new Promise((resolve) => {
    const localAddress = `127.0.0.${2 + Math.floor(index / perAddress)}`
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    slotOf(index).add(socket)
    socket.on('error', () => {})
    socket.once(awaitsAnswer ? 'data' : 'connect', () => resolve())
    if (reads) socket.on('data', () => {})
    socket.on('close', () => {
      slotOf(index).delete(socket)
      resolve()
      // Who is thrown out comes again, as attackers do.
      if (!awaitsAnswer) setTimeout(() => { void join(index) }, 100)
    })
    socket.write(says)
  })
}
