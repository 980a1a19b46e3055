// Seawall's overload control in the fast simulator: the production admission and limit, unchanged, between callers and
// a plant. It plays the part of the policies: who is told what at arrival, dispatch, ending, cut and release.

import { defaultQueueBounds } from '../../../proxy/algorithms/accepted-wait.ts'
import { GhostTime } from '../../../proxy/algorithms/ghost-time.ts'
import { LimitedAdmission } from '../../../proxy/algorithms/limited-admission.ts'
import type { LimitedAdmissionOptions } from '../../../proxy/algorithms/limited-admission.ts'
import type { Limit } from '../../../proxy/algorithms/limit.ts'
import { SlowRoutes } from '../../../proxy/algorithms/slow-routes.ts'
import { lessons } from '../../../proxy/core/outcome-matrix.ts'
import type { LineGroup, WaitingLine } from '../../../proxy/algorithms/waiting-line.ts'
import type { Call } from './call.ts'
import type { EventLoop } from './event-loop.ts'
import type { Plant } from './plants.ts'
import type { Happening, Schedule } from './schedule.ts'
import { Tally } from './tally.ts'

export interface SidecarOptions extends Partial<LimitedAdmissionOptions> {
  /** The part of answers that are a plain 503, whatever the load. */
  readonly faultRatio?: () => number
  /** An attempt is cut after this many ms; Infinity: never. */
  readonly attemptTimeoutMs?: number
  /** Another order of waiting than the production line's. */
  readonly line?: WaitingLine
  /** The spans in which the run is counted, ms; a second where it is not given. */
  readonly spanMs?: number
}

export class Sidecar {
  readonly schedule: Schedule
  readonly loop: EventLoop
  readonly plant: Plant
  readonly admission: LimitedAdmission
  readonly limit: Limit
  readonly tally: Tally
  readonly group: LineGroup
  readonly slowRoutes = new SlowRoutes()
  readonly ghostTime = new GhostTime()
  readonly attemptTimeoutMs: number
  readonly random: () => number
  readonly #faultRatio: () => number
  #expiryAt = Infinity

  constructor(
    schedule: Schedule, loop: EventLoop, plant: Plant, limit: Limit, random: () => number, options: SidecarOptions = {},
  ) {
    this.schedule = schedule
    this.loop = loop
    this.plant = plant
    this.limit = limit
    this.random = random
    this.#faultRatio = options.faultRatio ?? ((): number => 0)
    this.attemptTimeoutMs = options.attemptTimeoutMs ?? Infinity
    this.admission = new LimitedAdmission(limit, {
      ceiling: Infinity, maxQueuedBytes: 64 * 2 ** 20, bounds: defaultQueueBounds, ...options,
    }, options.line)
    this.group = this.admission.group('', 1)
    this.tally = new Tally(() => limit.limit, options.spanMs)
  }

  /** The head of a request has been read. */
  arrive(call: Call, now: number): void {
    const verdict = this.admission.arrive(this.group, call.level, call.deadlineAt - now, call.bytes, now)
    if (verdict === 'admitted') return this.dispatch(call, now)
    if (verdict !== 'wait') return call.refused(now)
    call.expiresAt = this.admission.expiresAt(call.level, call.deadlineAt - now, now)
    call.queuedAt = now
    this.admission.wait(call, now)
    this.#arm(call.expiresAt)
  }

  dispatch(call: Call, now: number): void {
    call.dispatchedAt = now
    call.isAside = this.slowRoutes.isSlow(call.route)
    if (call.isAside) this.admission.setAside(1, now)
    this.plant.start(call, now)
    if (this.attemptTimeoutMs !== Infinity) {
      this.schedule.at(now + this.attemptTimeoutMs, { happen: (at) => { call.timedOut(at) } })
    }
  }

  /** The upstream answered. */
  answered(call: Call, now: number): void {
    const latencyMs = now - call.dispatchedAt
    const isFault = this.random() < this.#faultRatio()
    const lesson = isFault ? lessons['unmarked-503'] : lessons.success
    if (!isFault) this.slowRoutes.learn(call.route, latencyMs)
    if (!call.isAside) this.limit.learn(lesson, latencyMs, now)
    if (isFault) call.isFaulty = true
  }

  released(call: Call, now: number): void {
    if (call.isAside) this.admission.setAside(-1, now)
    this.admission.release(this.group, now)
  }

  #arm(at: number): void {
    if (at >= this.#expiryAt) return
    this.#expiryAt = at
    const due: Happening = {
      happen: (now) => {
        if (this.#expiryAt !== at) return
        this.#expiryAt = Infinity
        this.#arm(this.admission.expire(now))
      },
    }
    this.schedule.at(at, due)
  }
}
