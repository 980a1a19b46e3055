// The closed loop: each connection sends its next request when the last one ended, as fast as both sides can. Right for
// CPU time per request and for memory under many busy connections; its latencies are service times at full speed and
// say nothing about a caller who does not wait.
import { setTimeout as pause } from 'node:timers/promises'
import { requestMaker } from './connection.ts'
import type { Connection } from './connection.ts'
import type { ClosedLoopPlan, LoadReport } from './plan.ts'
import { Pool } from './pool.ts'
import type { PoolListener } from './pool.ts'
import { Tally } from './tally.ts'
import { Watch } from './watch.ts'

const sweepEveryMs = 20

export function runClosedLoop(plan: ClosedLoopPlan): Promise<LoadReport> {
  return new ClosedLoop(plan).run()
}

interface InFlight {
  readonly connection: Connection
  readonly sentAtMs: number
}

class ClosedLoop implements PoolListener {
  readonly #plan: ClosedLoopPlan
  readonly #nextBytes: () => Buffer
  readonly #pool: Pool
  readonly #tally = new Tally()
  readonly #watch: Watch
  // In order of sending, because a Map keeps insertion order and tickets are never used twice.
  readonly #inFlight = new Map<number, InFlight>()
  #nextTicket = 0
  #isMeasuring = false
  #isOver = false

  constructor(plan: ClosedLoopPlan) {
    this.#plan = plan
    this.#nextBytes = requestMaker(plan.request, plan)
    this.#pool = new Pool(plan, plan.connections, this)
    this.#watch = new Watch(plan.watchPid)
  }

  async run(): Promise<LoadReport> {
    const sweeper = setInterval(() => this.#sweep(), sweepEveryMs)
    this.#fill()
    await pause(this.#plan.warmUpMs)
    this.#watch.start()
    this.#isMeasuring = true
    const startMs = performance.now()
    await pause(this.#plan.durationMs)
    const measuredMs = performance.now() - startMs
    this.#isMeasuring = false
    this.#watch.stop()
    this.#isOver = true
    clearInterval(sweeper)
    this.#pool.close()
    return {
      offered: this.#tally.offered,
      started: this.#tally.started,
      finished: this.#tally.finished,
      outcomes: this.#tally.outcomes(),
      lateness: this.#tally.lateness.summary(),
      waitedForConnection: 0,
      peakConnections: this.#pool.peak,
      measuredMs,
      ...this.#watch.figures && { watched: this.#watch.figures },
    }
  }

  free(): void {
    this.#sendNext()
  }

  // What ends in the measured time counts in it: a request cut at its far edge balances one cut at its near edge.
  answered(ticket: number, status: number): void {
    const sentAtMs = this.#end(ticket)
    if (this.#isMeasuring) this.#tally.answered(status, performance.now() - sentAtMs)
    this.#sendNext()
  }

  broken(ticket: number): void {
    const sentAtMs = this.#end(ticket)
    if (this.#isMeasuring) this.#tally.failed('connection-error', performance.now() - sentAtMs)
  }

  // Opened again by the sweeper and not at once, or a dead server would turn the loop into a spin.
  unreachable(): void {
    if (this.#isMeasuring) this.#tally.failed('connection-error', 0)
  }

  #sendNext(): void {
    if (this.#isOver) return
    const connection = this.#pool.take()
    if (connection === undefined) {
      this.#pool.grow()
      return
    }
    const ticket = this.#nextTicket++
    this.#inFlight.set(ticket, { connection, sentAtMs: performance.now() })
    if (this.#isMeasuring) {
      this.#tally.offered++
      this.#tally.started++
    }
    connection.send(ticket, this.#plan.request.method, this.#nextBytes())
  }

  #end(ticket: number): number {
    const sentAtMs = this.#inFlight.get(ticket)?.sentAtMs ?? performance.now()
    this.#inFlight.delete(ticket)
    return sentAtMs
  }

  #sweep(): void {
    const expiredBeforeMs = performance.now() - this.#plan.deadlineMs
    for (const [ticket, { connection, sentAtMs }] of this.#inFlight) {
      if (sentAtMs > expiredBeforeMs) break
      this.#inFlight.delete(ticket)
      this.#pool.discard(connection)
      if (this.#isMeasuring) this.#tally.failed('timeout', this.#plan.deadlineMs)
    }
    this.#fill()
  }

  #fill(): void {
    while (this.#pool.grow());
  }
}
