// What the routes of one upstream share at its door: the admission, the readiness, and the one timer that ends waits.
// It outlives a reload; its numbers are changed in place, so that permits in use are never forgotten.

import { Admission } from '../../algorithms/admission.ts'
import type { AdmissionOptions, Group, Waiter } from '../../algorithms/admission.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { PolicyContext } from '../../core/policy.ts'
import { Readiness } from './readiness.ts'
import type { BulkheadOptions, BulkheadShare } from './schema.ts'

const defaultMaxQueue = 1024

export class Door {
  readonly admission: Admission
  readonly readiness: Readiness
  readonly #clock: Clock
  #timer: Timer | null
  #timerAt: number

  constructor(options: AdmissionOptions, readiness: Readiness, clock: Clock) {
    this.admission = new Admission(options)
    this.readiness = readiness
    this.#clock = clock
    this.#timer = null
    this.#timerAt = Infinity
  }

  /** Joins the line and sees to it that the wait ends; false when the line is full. */
  wait(waiter: Waiter): boolean {
    if (!this.admission.wait(waiter)) return false
    this.#arm(waiter.expiresAt)
    return true
  }

  /** Leaves the line. */
  leave(waiter: Waiter): void {
    this.admission.leave(waiter)
    this.#disarmWhenEmpty()
  }

  /** Gives a permit back, and hands it on. */
  release(group: Group, now: number): void {
    this.admission.release(group, now)
    this.#disarmWhenEmpty()
  }

  /** Figures of the upstream as a whole. */
  inspect(): Record<string, number | string> {
    const { admission, readiness } = this
    return {
      inFlight: admission.inUse,
      ceiling: admission.ceiling === Infinity ? 'none' : admission.ceiling,
      queuedCritical: admission.queuedAt(0),
      queuedDefault: admission.queuedAt(1),
      queuedSheddable: admission.queuedAt(2),
      ready: readiness.isOpen ? 'yes' : 'not yet',
      waitingForStart: readiness.waiting,
    }
  }

  #disarmWhenEmpty(): void {
    if (this.#timer === null || this.admission.queued > 0) return
    this.#timer.clear()
    this.#timer = null
    this.#timerAt = Infinity
  }

  #arm(at: number): void {
    if (at >= this.#timerAt || at === Infinity) return
    this.#timer?.clear()
    this.#timerAt = at
    this.#timer = this.#clock.after(at - this.#clock.now(), () => {
      this.#timer = null
      this.#timerAt = Infinity
      this.#arm(this.admission.expire(this.#clock.now()))
    })
  }
}

/** The key of an upstream's door among the parts. */
export const doorKey = 'door:'

/** The door of the context's upstream, made once, and the group of its route. */
export function doorOf(context: PolicyContext): { door: Door; group: Group; maxWaitMs: number } {
  const bulkhead = context.upstreamOptions['bulkhead'] as BulkheadOptions | undefined
  const options = { ceiling: bulkhead?.maxConcurrent ?? Infinity, maxQueue: bulkhead?.maxQueue ?? defaultMaxQueue }
  const door = context.part(doorKey + context.upstream, () => new Door(options, new Readiness({
    upstream: context.upstream,
    startupMs: (context.upstreamOptions['startup'] as number | undefined) ?? 30_000,
    probe: context.probe,
    clock: context.clock,
    announce: context.announce,
  }), context.clock))
  const share = (context.routeOptions['bulkhead'] as BulkheadShare | undefined)?.share ?? 1
  // Routes without a share of their own stand in one group, so that the line has few of them to look through.
  const group = door.admission.group(share < 1 ? context.route : '', share)
  return { door, group, maxWaitMs: bulkhead?.maxWait ?? 0 }
}
