// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// Binds one permit of the upstream's admission to one attempt, from its dispatch until the upstream's work is over, and
// tells the limit how it ended. The first attempt takes over what the door gave to the work; every later one must find
// a spare permit and never waits.

import type { LineGroup } from '../../algorithms/waiting-line.ts'
import type { Attempt } from '../../core/attempt.ts'
import type { Outcome, Refused } from '../../core/outcome.ts'
import type { Gate, PolicyDefinition } from '../../core/policy.ts'
import type { Course, Verdict } from '../../core/scope.ts'
import type { Door } from './door.ts'
import { limitOf } from './door.ts'
import { doorOf } from './door-options.ts'

const full: Refused = { kind: 'refused', by: 'permit', code: 'bulkhead.full', status: 503, retryAfterMs: 0 }
/** A hedge is a luxury: it is sent only while this part of the permits is free. */
const sparePart = 0.25

const atLimit: Refused = { kind: 'refused', by: 'permit', code: 'shed.limit', status: 503, retryAfterMs: 0 }

class PermitGate implements Gate<Attempt> {
  readonly name = 'permit'
  readonly #door: Door
  readonly #group: LineGroup
  /** The route, as a number of this upstream. */
  readonly #route: number
  readonly #upstream: string

  constructor(door: Door, group: LineGroup, route: number, upstream: string) {
    this.#upstream = upstream
    this.#door = door
    this.#group = group
    this.#route = route
  }

  admit(attempt: Attempt, now: number, shadow: boolean): Verdict {
    const { work } = attempt
    const { admission, slowRoutes } = this.#door
    const hasRoom = attempt.kind !== 'hedge' || admission.inUse < (1 - sparePart) * admission.capacity
    // What the door gave is of the route's own upstream: one that is asked instead must have a permit to spare.
    if (work.holdsPermit && work.exchange.plan.upstream === this.#upstream) work.holdsPermit = false
    else if (!hasRoom || !admission.tryTake(this.#group, now)) {
      const refused = admission.isAtCeiling(this.#group) ? full : atLimit
      if (!shadow) return refused
      work.exchange.wouldRefuse(refused.code, 'permit')
      admission.take(this.#group, now)
    }
    const limit = this.#door.limits.of(attempt.endpoint)
    attempt.countedAt = limit
    attempt.hold = 'counted'
    limit.take(now)
    if (slowRoutes.isSlow(this.#route)) {
      attempt.hold = 'aside'
      this.#door.setAside(attempt, 1, now)
    }
    return null
  }

  /** Who learns what is the outcome matrix's business; here it is only handed on, with the time the upstream took. */
  judge(attempt: Attempt, outcome: Outcome, now: number): void {
    // One of us refused it after it had got its permit: that says nothing of the upstream.
    if (outcome.kind === 'refused') return
    const { admission, slowRoutes } = this.#door
    const { lesson } = attempt
    const latencyMs = attempt.sentAt < 0 ? 0 : now - attempt.sentAt - idleMsOf(attempt, now)
    if (lesson.sample === 'yes') slowRoutes.learn(this.#route, latencyMs)
    if (attempt.hold === 'aside') return
    limitOf(attempt).learn(lesson, latencyMs, now)
    // The limit may have grown.
    if (admission.line.length > 0) admission.handOver(now)
  }

  turned(attempt: Attempt, into: Course, now: number): void {
    const door = this.#door
    if (attempt.hold === 'none') return
    if (attempt.hold === 'stream') {
      // An upload that took its time is complete: now it is work, whether or not there is room.
      if (into === 'busy' && attempt.headAt < 0) door.returnFromStreams(attempt, this.#group, now)
    } else if (into === 'idle') door.rest(attempt, this.#group, now)
    else if (into === 'busy') door.wake(attempt, now)
    else door.moveToStreams(attempt, this.#group, now)
  }

  release(attempt: Attempt, now: number): void {
    const door = this.#door
    const { hold } = attempt
    if (hold === 'stream') {
      door.streams--
      return
    }
    const isResting = attempt.idleSince >= 0
    door.wake(attempt, now)
    // A request that never came whole is nobody's work; any other may go on without its caller.
    if (isGone(attempt) && !isResting) return door.haunt(attempt, this.#group, now)
    door.releaseOf(attempt, this.#group, now)
  }
}

/** Whether it was given up while the upstream may be at it. HTTP/1.1 has no way to call work off. */
function isGone({ isCut, outcome, headAt }: Attempt): boolean {
  return isCut || (outcome?.kind === 'failed' && outcome.fault === 'upstream.stalled' && headAt < 0)
}

function idleMsOf(attempt: Attempt, now: number): number {
  return attempt.idleMs + (attempt.idleSince < 0 ? 0 : now - attempt.idleSince)
}

/** Takes no permit and teaches nothing; only counted. */
class BypassGate implements Gate<Attempt> {
  readonly name = 'permit'
  readonly #door: Door

  constructor(door: Door) { this.#door = door }

  admit(): null {
    this.#door.bypassing++
    return null
  }

  release(): void { this.#door.bypassing-- }
}

/** Options stand with shed: permit and door are two ends of one admission. */
export const permit: PolicyDefinition<Attempt> = {
  name: 'permit',
  create: (context) => {
    const { door, group } = doorOf(context)
    if (context.routeOptions['priority'] === 'bypass') return new BypassGate(door)
    return new PermitGate(door, group, door.numberOf(context.route), context.upstream)
  },
}
