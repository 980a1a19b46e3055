// One endpoint of an upstream that falls ill on a timetable: HTTP/1.1 without bodies, slots behind an unbounded line,
// errors by lot. It writes down every request, because what reaches an upstream can only be counted there. It keeps
// working for callers that have left, as services do.
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { seededRandom } from '../generator/schedule.ts'
import { exponentialTimes } from '../origins/service-times.ts'
import { Slots } from '../origins/slots.ts'
import { healthy } from './endpoint-plan.ts'
import type { Behaviour, EndpointFigures, EndpointPlan } from './endpoint-plan.ts'
import { tailedTimes } from './tailed-times.ts'

/** More than an experiment's connections: what the kernel drops would look like an endpoint that is gone. */
const backlog = 4096
/** Bounds the memory of one run. */
const maxSeen = 500_000

export class Endpoint {
  readonly #plan: EndpointPlan
  readonly #slots: Slots
  readonly #random: () => number
  readonly #timers: NodeJS.Timeout[] = []
  readonly #server: Server
  #seen: [number, number, number][] = []
  #behaviour: Behaviour
  #startMs = performance.now()

  constructor(plan: EndpointPlan) {
    this.#plan = plan
    this.#random = seededRandom(plan.seed)
    this.#behaviour = { ...healthy, ...plan.begins }
    this.#server = createServer({ noDelay: true }, this.#accept)
    const { slots, meanMs } = this.#behaviour
    this.#slots = new Slots({ kind: 'slots', slots, meanMs, spread: 'constant', seed: plan.seed }, timesOf(plan))
  }

  listen(port: number): void {
    this.#server.listen({ port, host: '127.0.0.1', backlog })
  }

  close(): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer)
    this.#server.close()
  }

  /** The clock of the changes and the book begin here. */
  start(): void {
    this.#startMs = performance.now()
    this.#seen = []
    for (const timer of this.#timers.splice(0)) clearTimeout(timer)
    for (const change of this.#plan.changes) this.#timers.push(setTimeout(() => this.#change(change), change.atMs))
  }

  figures(): EndpointFigures {
    return { seen: this.#seen }
  }

  #change(change: Partial<Behaviour>): void {
    this.#behaviour = { ...this.#behaviour, ...change }
    const { slots, meanMs } = this.#behaviour
    this.#slots.change({ atMs: 0, slots, meanMs })
  }

  #accept = (socket: Socket): void => {
    let tail = ''
    // A caller that leaves is no event here.
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      const parts = (tail + chunk.toString('latin1')).split('\r\n\r\n')
      tail = parts.pop() ?? ''
      for (let i = 0; i < parts.length; i++) this.#take(socket)
    })
  }

  #take(socket: Socket): void {
    const { isSilent, errorShare, errorMs, status } = this.#behaviour
    const entry: [number, number, number] = [this.#nowMs(), -1, 0]
    if (this.#seen.length < maxSeen) this.#seen.push(entry)
    if (isSilent) return
    const isError = this.#random() < errorShare
    const answer = (): void => {
      entry[1] = this.#nowMs()
      entry[2] = isError ? status : 200
      socket.write(isError ? refusal(status) : success)
    }
    if (!isError) this.#slots.arrive(answer)
    else if (errorMs === 0) answer()
    else setTimeout(answer, errorMs)
  }

  #nowMs(): number {
    return Math.round((performance.now() - this.#startMs) * 10) / 10
  }
}

const success = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 27\r\n\r\n' +
  '{"id":"1","status":"done"}\n'

function refusal(status: number): string {
  return `HTTP/1.1 ${status} Failed\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nill\n`
}

function timesOf({ spread, seed }: EndpointPlan): () => number {
  if (spread === 'constant') return () => 1
  return spread === 'exponential' ? exponentialTimes(seed) : tailedTimes(seed)
}
