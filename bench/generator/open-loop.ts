// The open loop: requests leave at their appointed moments whatever happened to earlier ones, and latency counts from
// the appointed moment, so a stall of the server is felt by every request due in it. A closed loop would send one
// request into the stall and call the rest fast (coordinated omission). Never repeats a request.
import { requestBytes } from './connection.ts'
import type { Connection } from './connection.ts'
import type { LoadReport, OpenLoopPlan } from './plan.ts'
import { Pool } from './pool.ts'
import type { PoolListener } from './pool.ts'
import { arrivalOffsets } from './schedule.ts'
import { Series } from './series.ts'
import { Sleeper } from './sleeper.ts'
import { Tally, endingOf } from './tally.ts'
import { Watch } from './watch.ts'

/** A sleep ends up to about this much late: nearer to the next arrival the loop spins instead. */
const spinWithinMs = 0.2
const sweepEveryMs = 5
/** A tenth of the shortest latency that matters in an overload; waking costs more than sending. */
const thriftySleepMs = 0.5

export function runOpenLoop(plan: OpenLoopPlan): Promise<LoadReport> {
  return new OpenLoop(plan).run()
}

class OpenLoop implements PoolListener {
  readonly #plan: OpenLoopPlan
  readonly #bytes: Buffer
  readonly #dueMs: Float64Array
  readonly #isEnded: Uint8Array
  readonly #pool: Pool
  readonly #tally = new Tally()
  readonly #watch: Watch
  readonly #series: Series | undefined
  #sleeper: Sleeper | undefined
  readonly #tickets = new Map<number, Connection>()
  #startMs = 0
  #startedAtMs = 0
  // Three places in the schedule, each at or behind the one above: due, sent (or given up), ended.
  #dueCount = 0
  #nextToSend = 0
  #oldest = 0
  #waitedForConnection = 0
  #waitersCountedTo = 0
  #measuredMs = 0
  #nextSweepMs = 0
  #phase: 'warm-up' | 'measured' | 'over' = 'warm-up'
  #finish: (() => void) | undefined

  constructor(plan: OpenLoopPlan) {
    this.#plan = plan
    this.#bytes = requestBytes(plan.request, plan)
    this.#dueMs = arrivalOffsets({ ...plan, lengthMs: plan.warmUpMs + plan.durationMs })
    this.#isEnded = new Uint8Array(this.#dueMs.length)
    this.#pool = new Pool(plan, plan.maxConnections, this)
    this.#watch = new Watch(plan.watchPid)
    if (plan.momentMs !== undefined) this.#series = new Series(plan.momentMs, plan.warmUpMs + plan.durationMs)
  }

  async run(): Promise<LoadReport> {
    this.#sleeper = await Sleeper.start(this.#pump)
    for (let i = 0; i < this.#plan.connections; i++) this.#pool.grow()
    await this.#connected()
    await new Promise<void>((resolve) => {
      this.#finish = resolve
      this.#startMs = performance.now()
      this.#startedAtMs = Date.now()
      this.#pump()
    })
    this.#pool.close()
    await this.#sleeper.close()
    return {
      offered: this.#tally.offered,
      started: this.#tally.started,
      finished: this.#tally.finished,
      outcomes: this.#tally.outcomes(),
      lateness: this.#tally.lateness.summary(),
      waitedForConnection: this.#waitedForConnection,
      peakConnections: this.#pool.peak,
      measuredMs: this.#measuredMs,
      refusals: this.#tally.refusals(),
      refusalCodes: this.#tally.refusalCodes(),
      startedAtMs: this.#startedAtMs,
      ...this.#series && { series: this.#series.moments() },
      ...this.#watch.figures && { watched: this.#watch.figures },
    }
  }

  free(): void {
    this.#sendDue()
  }

  answered(ticket: number, status: number, code: string): void {
    this.#end(ticket)
    const tookMs = this.#sinceDueMs(ticket)
    if (tookMs > this.#plan.deadlineMs) this.#fail(ticket, 'timeout', this.#plan.deadlineMs)
    else {
      this.#series?.ended(this.#dueAt(ticket), endingOf(status), tookMs)
      if (this.#isMeasured(ticket)) this.#tally.answered(status, tookMs, code)
    }
    this.#sendDue()
  }

  broken(ticket: number): void {
    this.#end(ticket)
    this.#fail(ticket, 'connection-error', this.#sinceDueMs(ticket))
    this.#sendDue()
  }

  // Each refused connection is charged to the request that waits longest, so a dead server ends the run in time.
  unreachable(): void {
    if (this.#nextToSend < this.#dueCount) {
      const ticket = this.#nextToSend++
      this.#end(ticket)
      this.#fail(ticket, 'connection-error', this.#sinceDueMs(ticket))
    }
    this.#sendDue()
  }

  // Before the first request: the connections asked for are open, or have failed and count from then on as refused.
  async #connected(): Promise<void> {
    const giveUpAtMs = performance.now() + this.#plan.deadlineMs
    while (this.#pool.opening > 0 && performance.now() < giveUpAtMs) {
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }

  #pump = (): void => {
    const nowMs = performance.now() - this.#startMs
    this.#turnPhase(nowMs)
    while (this.#dueCount < this.#dueMs.length && this.#dueAt(this.#dueCount) <= nowMs) {
      if (this.#isMeasured(this.#dueCount)) this.#tally.offered++
      this.#series?.offered(this.#dueAt(this.#dueCount))
      this.#dueCount++
    }
    this.#sendDue()
    if (nowMs >= this.#nextSweepMs) this.#sweep(nowMs)
    if (this.#phase === 'over' && this.#oldest === this.#dueMs.length) this.#finish?.()
    else this.#arm(nowMs)
  }

  #turnPhase(nowMs: number): void {
    const { warmUpMs, durationMs } = this.#plan
    if (this.#phase === 'warm-up' && nowMs >= warmUpMs) {
      this.#phase = 'measured'
      this.#watch.start()
    }
    if (this.#phase === 'measured' && nowMs >= warmUpMs + durationMs) {
      this.#phase = 'over'
      this.#measuredMs = nowMs - warmUpMs
      this.#watch.stop()
    }
  }

  #sendDue(): void {
    while (this.#nextToSend < this.#dueCount) {
      const ticket = this.#nextToSend
      if (this.#isEnded[ticket] === 1) {
        this.#nextToSend++
        continue
      }
      const connection = this.#pool.take()
      if (connection === undefined) {
        this.#waitForConnection()
        return
      }
      this.#nextToSend++
      this.#tickets.set(ticket, connection)
      // Read before the write: a woken server may take the core inside it, and that is no lateness of ours.
      const lateMs = this.#sinceDueMs(ticket)
      connection.send(ticket, this.#plan.request.method, this.#bytes)
      if (!this.#isMeasured(ticket)) continue
      this.#tally.started++
      this.#tally.lateness.record(lateMs)
    }
  }

  #waitForConnection(): void {
    const first = Math.max(this.#nextToSend, this.#waitersCountedTo)
    for (let ticket = first; ticket < this.#dueCount; ticket++) {
      if (this.#isMeasured(ticket)) this.#waitedForConnection++
    }
    this.#waitersCountedTo = this.#dueCount
    const backlog = this.#dueCount - this.#nextToSend
    while (this.#pool.opening < backlog) if (!this.#pool.grow()) return
  }

  // All deadlines are equally far away, so requests expire in the order of the schedule.
  #sweep(nowMs: number): void {
    this.#nextSweepMs = nowMs + sweepEveryMs
    for (; this.#oldest < this.#dueCount; this.#oldest++) {
      const ticket = this.#oldest
      if (this.#isEnded[ticket] === 1) continue
      if (this.#dueAt(ticket) + this.#plan.deadlineMs > nowMs) return
      const connection = this.#tickets.get(ticket)
      this.#end(ticket)
      if (connection !== undefined) this.#pool.discard(connection)
      this.#fail(ticket, 'timeout', this.#plan.deadlineMs)
    }
  }

  #end(ticket: number): void {
    this.#isEnded[ticket] = 1
    this.#tickets.delete(ticket)
  }

  #fail(ticket: number, kind: 'timeout' | 'connection-error', tookMs: number): void {
    this.#series?.ended(this.#dueAt(ticket), kind === 'timeout' ? 'late' : 'failed', tookMs)
    if (this.#isMeasured(ticket)) this.#tally.failed(kind, tookMs)
  }

  #arm(nowMs: number): void {
    const nextMs = this.#dueCount < this.#dueMs.length ? this.#dueAt(this.#dueCount) : nowMs + sweepEveryMs
    const waitMs = Math.min(nextMs - nowMs, sweepEveryMs)
    if (this.#plan.pacing === 'thrifty') this.#sleeper?.wakeAfter(Math.max(waitMs, thriftySleepMs))
    else if (waitMs <= spinWithinMs) setImmediate(this.#pump)
    else this.#sleeper?.wakeAfter(waitMs - spinWithinMs)
  }

  #dueAt(ticket: number): number {
    return this.#dueMs[ticket] ?? Infinity
  }

  #sinceDueMs(ticket: number): number {
    return performance.now() - this.#startMs - this.#dueAt(ticket)
  }

  #isMeasured(ticket: number): boolean {
    return this.#dueAt(ticket) >= this.#plan.warmUpMs
  }
}
