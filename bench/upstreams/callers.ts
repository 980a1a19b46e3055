// Callers in open loop who may try again at once, as clients without a thought for the service do: calls come when the
// schedule says so, and a call is over when an attempt succeeded or none is left. The generator never repeats anything;
// what a storm of repetitions does needs callers who do. Latency counts from the intended moment of the call.
import { requestBytes } from '../generator/connection.ts'
import type { Connection } from '../generator/connection.ts'
import { Histogram } from '../generator/histogram.ts'
import { Pool } from '../generator/pool.ts'
import { arrivalOffsets } from '../generator/schedule.ts'
import { Series } from '../generator/series.ts'
import { Sleeper } from '../generator/sleeper.ts'
import { endingOf } from '../generator/tally.ts'
import type { CallersPlan, CallersReport } from './callers-plan.ts'

const host = '127.0.0.1'
const sweepEveryMs = 5
const shortestSleepMs = 0.5
/** For each port: above what a storm of 200 calls a second can have open at once. */
const maxConnections = 2048
const connectionsAtStart = 8

interface Call {
  readonly dueMs: number
  attempts: number
}

interface Attempt {
  readonly ticket: number
  readonly call: Call
  readonly lane: Lane
  readonly startedAtMs: number
  connection?: Connection
}

/** One port, its connections, and the attempts that wait for one. */
interface Lane {
  readonly pool: Pool
  readonly bytes: Buffer
  readonly waiting: Attempt[]
}

export function runCallers(plan: CallersPlan): Promise<CallersReport> {
  return new Callers(plan).run()
}

class Callers {
  readonly #plan: CallersPlan
  readonly #dueMs: Float64Array
  readonly #lanes: readonly Lane[]
  readonly #series: Series
  readonly #ok = new Histogram()
  readonly #lateness = new Histogram()
  readonly #endings = new Map<string, number>()
  /** In the order of their start, and so of their end by patience: a Map keeps it. */
  readonly #open = new Map<number, Attempt>()
  #sleeper: Sleeper | undefined
  #finish: (() => void) | undefined
  #startMs = 0
  #dueCount = 0
  #attempts = 0
  #ended = 0

  constructor(plan: CallersPlan) {
    this.#plan = plan
    this.#dueMs = arrivalOffsets({
      arrivals: 'poisson', ratePerSecond: plan.ratePerSecond, lengthMs: plan.durationMs, seed: plan.seed,
    })
    this.#series = new Series(plan.momentMs, plan.durationMs)
    this.#lanes = plan.ports.map((port) => this.#laneTo(port))
  }

  async run(): Promise<CallersReport> {
    this.#sleeper = await Sleeper.start(this.#pump)
    await this.#connect()
    const { controlPort } = this.#plan
    if (controlPort !== undefined) await fetch(`http://${host}:${controlPort}/start`)
    await new Promise<void>((resolve) => {
      this.#finish = resolve
      this.#startMs = performance.now()
      this.#pump()
    })
    for (const { pool } of this.#lanes) pool.close()
    await this.#sleeper.close()
    return {
      calls: this.#dueMs.length, attempts: this.#attempts, ok: this.#ok.summary(),
      endings: Object.fromEntries(this.#endings), series: this.#series.moments(), lateness: this.#lateness.summary(),
    }
  }

  async #connect(): Promise<void> {
    for (const { pool } of this.#lanes) for (let i = 0; i < connectionsAtStart; i++) pool.grow()
    const giveUpAtMs = performance.now() + 1000
    while (this.#lanes.some(({ pool }) => pool.opening > 0) && performance.now() < giveUpAtMs) {
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }

  #laneTo(port: number): Lane {
    const request = { method: 'GET', path: this.#plan.path, headers: { 'user-agent': 'bench', ...this.#plan.headers } }
    const lane: Lane = {
      bytes: requestBytes(request, { host, port }),
      waiting: [],
      pool: new Pool({ host, port }, maxConnections, {
        free: () => this.#send(lane),
        answered: (ticket, status, code) => this.#attemptEnded(ticket, `${status} ${code}`.trim(), status),
        broken: (ticket) => this.#attemptEnded(ticket, 'broken', 0),
        unreachable: () => {
          const attempt = lane.waiting.shift()
          if (attempt !== undefined) this.#attemptEnded(attempt.ticket, 'broken', 0)
        },
      }),
    }
    return lane
  }

  #pump = (): void => {
    const nowMs = this.#nowMs()
    for (;;) {
      const dueMs = this.#dueMs[this.#dueCount]
      if (dueMs === undefined || dueMs > nowMs) break
      this.#dueCount++
      this.#series.offered(dueMs)
      this.#lateness.record(nowMs - dueMs)
      this.#attempt({ dueMs, attempts: 0 }, dueMs)
    }
    this.#giveUp(nowMs)
    if (this.#ended === this.#dueMs.length) this.#finish?.()
    else this.#sleeper?.wakeAfter(this.#sleepMs(nowMs))
  }

  #attempt(call: Call, nowMs: number): void {
    const lane = this.#lanes[this.#attempts % this.#lanes.length]
    if (lane === undefined) return
    call.attempts++
    const attempt = { ticket: this.#attempts++, call, lane, startedAtMs: nowMs }
    this.#open.set(attempt.ticket, attempt)
    lane.waiting.push(attempt)
    this.#send(lane)
  }

  #send({ pool, bytes, waiting }: Lane): void {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (!this.#open.has(next.ticket)) {
        waiting.shift()
        continue
      }
      const connection = pool.take()
      if (connection === undefined) break
      waiting.shift()
      next.connection = connection
      connection.send(next.ticket, 'GET', bytes)
    }
    while (pool.opening < waiting.length) if (!pool.grow()) return
  }

  // All attempts are given the same time, so they run out in the order they began.
  #giveUp(nowMs: number): void {
    for (const { ticket, startedAtMs, connection, lane } of this.#open.values()) {
      if (startedAtMs + this.#plan.attemptMs > nowMs) return
      if (connection !== undefined) lane.pool.discard(connection)
      this.#attemptEnded(ticket, 'timeout', 0)
    }
  }

  #attemptEnded(ticket: number, ending: string, status: number): void {
    const attempt = this.#open.get(ticket)
    if (attempt === undefined) return
    this.#open.delete(ticket)
    const { call } = attempt
    const isOk = status >= 200 && status < 300
    if (!isOk && call.attempts < this.#plan.maxAttempts) this.#attempt(call, this.#nowMs())
    else this.#callEnded(call, ending, status)
  }

  #callEnded({ dueMs }: Call, ending: string, status: number): void {
    const tookMs = this.#nowMs() - dueMs
    this.#ended++
    this.#endings.set(ending, (this.#endings.get(ending) ?? 0) + 1)
    const kind = ending === 'timeout' ? 'late' : endingOf(status)
    if (kind === 'ok') this.#ok.record(tookMs)
    this.#series.ended(dueMs, kind, tookMs)
  }

  #sleepMs(nowMs: number): number {
    const nextMs = this.#dueMs[this.#dueCount] ?? Infinity
    return Math.max(shortestSleepMs, Math.min(nextMs - nowMs, sweepEveryMs))
  }

  #nowMs(): number {
    return performance.now() - this.#startMs
  }
}
