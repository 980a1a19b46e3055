// One request of the fast simulator, from its caller's wish to its end: it is the waiter in the production line, the
// job in the plant, and the caller with a deadline who may leave and ask again.

import { lessons } from '../../../proxy/core/outcome-matrix.ts'
import type { LineGroup, LineWaiter } from '../../../proxy/algorithms/waiting-line.ts'
import type { Job } from './plants.ts'
import type { Happening } from './schedule.ts'
import type { Sidecar } from './sidecar.ts'

/** What callers of one population have in common. */
export interface Manner {
  readonly level: number
  readonly route: number
  readonly deadlineMs: number
  /** Tries in all, each at once after the failure of the one before. */
  readonly maxAttempts: number
}

type State = 'coming' | 'waiting' | 'working' | 'over'

export class Call implements LineWaiter, Job, Happening {
  readonly group: LineGroup
  readonly level: number
  readonly route: number
  readonly bytes = 1024
  readonly workMs: number
  readonly deadlineAt: number
  expiresAt = Infinity
  before: LineWaiter | null = null
  after: LineWaiter | null = null
  order = 0
  isInLine = false
  queuedAt = 0
  dispatchedAt = 0
  isAside = false
  isFaulty = false
  readonly #sidecar: Sidecar
  readonly #manner: Manner
  readonly #attempt: number
  readonly #askedAt: number
  #state: State = 'coming'
  #isPermitHeld = false

  constructor(sidecar: Sidecar, manner: Manner, workMs: number, attempt: number, now: number) {
    this.#sidecar = sidecar
    this.#manner = manner
    this.#attempt = attempt
    this.#askedAt = now
    this.group = sidecar.group
    this.level = manner.level
    this.route = manner.route
    this.workMs = workMs
    this.deadlineAt = now + manner.deadlineMs
  }

  /** Asks: the request is on its way to the sidecar. */
  ask(now: number): void {
    this.#sidecar.tally.arrived(this.level, now)
    if (this.deadlineAt !== Infinity) this.#sidecar.schedule.at(this.deadlineAt, new Leaving(this))
    this.#sidecar.loop.post(this)
  }

  /** The sidecar's loop has come to it. */
  happen(now: number): void {
    if (this.#state !== 'coming') return
    this.#state = 'waiting'
    this.#sidecar.arrive(this, now)
    if (!this.isInLine && (this.#state as State) === 'waiting') this.#begin()
  }

  admitted(now: number): void {
    this.#begin()
    this.#sidecar.dispatch(this, now)
  }

  refused(now: number): void {
    this.#state = 'over'
    this.#sidecar.tally.refused(now)
    this.#again(now)
  }

  expired(now: number): void {
    this.#state = 'over'
    this.#sidecar.tally.dropped(now - this.queuedAt, now)
    this.#again(now)
  }

  pushedOut(now: number): void { this.expired(now) }

  /** The plant is done with it; the caller may have left. */
  finished(): void { this.#sidecar.loop.post(new Answering(this)) }

  answer(now: number): void {
    if (!this.#isPermitHeld) return
    const sidecar = this.#sidecar
    if (this.#state === 'working') {
      sidecar.answered(this, now)
      this.#state = 'over'
      if (this.isFaulty) this.#again(now)
      else sidecar.tally.good(this.level, now - this.#askedAt, now)
    }
    this.#release(now)
  }

  /** The caller has waited long enough. */
  leave(now: number): void {
    if (this.#state === 'over') return
    const sidecar = this.#sidecar
    const isWorking = this.#state === 'working'
    if (this.#state === 'waiting') {
      sidecar.admission.leave(this)
      sidecar.tally.dropped(now - this.queuedAt, now)
    } else sidecar.tally.late(now)
    this.#state = 'over'
    if (isWorking) this.#cut('cut-late', now)
    this.#again(now)
  }

  /** The attempt took longer than it may. */
  timedOut(now: number): void {
    if (this.#state !== 'working') return
    this.#state = 'over'
    this.#sidecar.tally.late(now)
    this.#cut('attempt-timeout', now)
  }

  /** Nobody waits any more, but the plant works on: the permit stays for a while (a ghost), since the work does. */
  #cut(row: 'cut-late' | 'attempt-timeout', now: number): void {
    const sidecar = this.#sidecar
    const { baselineMs } = sidecar.limit
    const elapsedMs = now - this.dispatchedAt
    const isLate = row === 'attempt-timeout' || elapsedMs > 9 * baselineMs
    if (!this.isAside) sidecar.limit.learn(lessons[isLate ? row : 'cut-early'], elapsedMs, now)
    if (!this.isAside && sidecar.ghostTime.isHasty(elapsedMs, baselineMs)) {
      this.isAside = true
      sidecar.admission.setAside(1, now)
    }
    sidecar.schedule.call(now + sidecar.ghostTime.keepMs(elapsedMs, baselineMs), (at) => this.#release(at))
  }

  #begin(): void {
    this.#state = 'working'
    this.#isPermitHeld = true
  }

  #release(now: number): void {
    if (!this.#isPermitHeld) return
    this.#isPermitHeld = false
    this.#sidecar.released(this, now)
  }

  #again(now: number): void {
    if (this.#attempt >= this.#manner.maxAttempts) return
    new Call(this.#sidecar, this.#manner, this.workMs, this.#attempt + 1, now).ask(now)
  }
}

class Leaving implements Happening {
  readonly #call: Call
  constructor(call: Call) { this.#call = call }
  happen(now: number): void { this.#call.leave(now) }
}

class Answering implements Happening {
  readonly #call: Call
  constructor(call: Call) { this.#call = call }
  happen(now: number): void { this.#call.answer(now) }
}
