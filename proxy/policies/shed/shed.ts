// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The door of an upstream: nobody goes on without a permit of its one admission. Who finds it full is decided on at the
// end of the turn, and refused, or put into the line. It teaches the limit nothing, and gives a permit back only if no
// attempt took it: permit.ts owns it from there on.

import { cohortOf } from '../../algorithms/cohort-cut.ts'
import type { LineGroup } from '../../algorithms/waiting-line.ts'
import { clientAddress } from '../../core/client-address.ts'
import type { Code } from '../../core/codes.ts'
import type { Exchange, Intake } from '../../core/exchange.ts'
import type { Refused } from '../../core/outcome.ts'
import { lessons } from '../../core/outcome-matrix.ts'
import type { Gate, PolicyDefinition } from '../../core/policy.ts'
import { levelOf } from '../../core/priority.ts'
import { WAIT } from '../../core/scope.ts'
import type { Verdict } from '../../core/scope.ts'
import type { Decider } from './arrivals.ts'
import type { Door } from './door.ts'
import { doorOf, meterDoor } from './door-options.ts'
import { PermitPlace } from './permit-place.ts'
import type { Place, PlaceTerms } from './permit-place.ts'
import { bulkheadSchema, bulkheadShareSchema, limitSchema } from './schema.ts'

function refusal(code: Code, status: number): Refused {
  return { kind: 'refused', by: 'shed', code, status, retryAfterMs: 0 }
}

const atLimit = refusal('shed.limit', 503)
const waitedTooLong = refusal('shed.queue', 503)
const doomed = refusal('deadline.doomed', 504)
const full = refusal('bulkhead.full', 503)
const bulkheadWaitOver = refusal('bulkhead.timeout', 503)

/** What one who waits keeps in memory beside its head: its objects, and what may have come of its body. */
const hourMs = 3_600_000

const objectBytes = 4 * 1024
const bodyBytes = 16 * 1024

class ShedGate implements Gate<Exchange>, Decider {
  readonly name = 'shed'
  readonly #door: Door
  readonly #group: LineGroup
  readonly #wallOffsetMs: number

  /** `wallOffsetMs`: from the clock's time to the wall's, once: every instance cuts the same callers in an hour. */
  constructor(door: Door, group: LineGroup, wallOffsetMs: number) {
    this.#wallOffsetMs = wallOffsetMs
    this.#door = door
    this.#group = group
  }

  admit(exchange: Exchange, now: number, shadow: boolean): Verdict {
    const level = levelOf[exchange.priority]
    if (shadow) return this.#observe(exchange, level, now)
    if (this.#door.cohorts.isActive && this.#isCut(exchange, level, now)) return atLimit
    if (this.#door.readiness.isOpen) return this.#takeOrWait(exchange, level, now)
    const go = (at: number): void => {
      exchange.ticket = null
      const verdict = this.#takeOrWait(exchange, level, at)
      if (verdict !== WAIT) exchange.gates.proceed(exchange, verdict, at)
    }
    const place: Place = { leave: () => this.#door.readiness.leave(go) }
    exchange.ticket = place
    this.#door.readiness.wait(go, now)
    return WAIT
  }

  /** Door: the turn in which it came is over. */
  decide(exchange: Exchange, now: number): void {
    exchange.ticket = null
    const verdict = this.#decided(exchange, levelOf[exchange.priority], now)
    if (verdict !== WAIT) exchange.gates.proceed(exchange, verdict, now)
  }

  release(exchange: Exchange, now: number): void {
    if (!exchange.work.holdsPermit) return
    exchange.work.holdsPermit = false
    // A handshake is no attempt, and yet the upstream's work: the limit has to hear how long it took.
    if (exchange.outcome?.kind === 'tunnel') {
      this.#door.admission.limit.learn(lessons.success, now - exchange.startedAt - exchange.queuedMs, now)
    }
    this.#door.release(this.#group, now)
  }

  cancel(exchange: Exchange): void {
    const place = exchange.ticket
    exchange.ticket = null
    // Of those who wait for the end of the turn nothing else is kept.
    if (place !== this) (place as Place | null)?.leave()
  }

  /**
   * Whoever waits for the end of the turn is judged by the class it has then. Gives out nothing: who asks is in the
   * middle of being let in itself.
   */
  raised({ priority, ticket }: Exchange): void {
    if (ticket instanceof PermitPlace) this.#door.admission.line.raise(ticket, levelOf[priority])
  }

  #takeOrWait(exchange: Exchange, level: number, now: number): Verdict {
    const door = this.#door
    const read = exchange.intake === null ? null : this.#readFirst(exchange, exchange.intake, level, now)
    if (read !== null) return read
    if (!door.hasArrived && door.admission.tryArrive(this.#group, level, now)) {
      exchange.work.holdsPermit = true
      return null
    }
    exchange.ticket = this
    door.decideLater(exchange, level, now)
    return WAIT
  }

  /** Somebody needs the whole body before it is sent: it is read before a permit is taken, unless that is hopeless. */
  #readFirst(exchange: Exchange, intake: Intake, level: number, now: number): Verdict {
    exchange.intake = null
    if (this.#door.admission.foresee(this.#group, level, exchange.deadlineAt - now, now) === 'limit') return atLimit
    const read = intake.read((refused, at) => {
      exchange.ticket = null
      const verdict = refused ?? this.#takeOrWait(exchange, level, at)
      if (verdict !== WAIT) exchange.gates.proceed(exchange, verdict, at)
    })
    if (read === WAIT) exchange.ticket = { leave: () => { intake.leave() } } satisfies Place
    return read
  }

  #decided(exchange: Exchange, level: number, now: number): Verdict {
    const door = this.#door
    const { admission } = door
    const leftMs = exchange.deadlineAt - now
    const bytes = bytesOf(exchange)
    switch (admission.arrive(this.#group, level, leftMs, bytes, now)) {
      case 'admitted':
        exchange.work.holdsPermit = true
        return null
      case 'doomed':
        if (admission.isAtCeiling(this.#group)) break
        return doomed
      case 'limit':
        door.cohorts.refused(door.cutWindowMs, now)
        return atLimit
      case 'wait':
        if (admission.isAtCeiling(this.#group)) break
        return this.#wait(exchange, level, bytes, admission.maxWaitMs(level, now), waitedTooLong, now)
      case 'bulkhead': break
    }
    // The ceiling or the share, and not what was learned: the bulkhead's own rules.
    const { line, maxQueuedBytes } = admission
    if (door.maxWaitMs === 0 || line.length >= door.maxQueue || line.bytes + bytes > maxQueuedBytes) return full
    if (admission.isDoomed(level, leftMs, now)) return doomed
    return this.#wait(exchange, level, bytes, door.maxWaitMs, bulkheadWaitOver, now)
  }

  /** Others of its class are served in its place, the same ones for an hour. */
  #isCut({ caller, plan }: Exchange, level: number, now: number): boolean {
    const { cohorts, cutWindowMs } = this.#door
    const name = caller.identity ?? clientAddress(caller.head, caller.remoteAddress, plan.forwarding.trusts)
    return cohorts.isCut(level, cohortOf(name, Math.floor((this.#wallOffsetMs + now) / hourMs)), cutWindowMs, now)
  }

  #wait(exchange: Exchange, level: number, bytes: number, mostMs: number, over: Refused, now: number): Verdict {
    // From then on it could not be answered in time any more.
    const usefulMs = exchange.deadlineAt - now - this.#door.admission.limit.baselineMs
    const terms: PlaceTerms = {
      group: this.#group, level, bytes,
      expiresAt: now + Math.min(mostMs, usefulMs),
      over: usefulMs < mostMs ? doomed : over,
    }
    const place = new PermitPlace(exchange, this.#door, terms, now)
    exchange.ticket = place
    this.#door.wait(place, now)
    return WAIT
  }

  /** Nothing waits and nothing is refused; whoever is over the limit is counted like any other. */
  #observe(exchange: Exchange, level: number, now: number): Verdict {
    const { admission, maxWaitMs } = this.#door
    switch (admission.foresee(this.#group, level, exchange.deadlineAt - now, now)) {
      case 'limit':
        exchange.wouldRefuse('shed.limit', 'shed')
        break
      case 'doomed':
        exchange.wouldRefuse('deadline.doomed', 'shed')
        break
      case 'bulkhead':
        // As if every wait were in vain: the most that enforcing can refuse.
        exchange.wouldRefuse(maxWaitMs === 0 ? 'bulkhead.full' : 'bulkhead.timeout', 'shed')
        break
      case 'admitted': case 'wait': break
    }
    admission.take(this.#group, now)
    exchange.work.holdsPermit = true
    return null
  }
}

/** A rough count: what a long line of these would take. */
function bytesOf({ caller }: Exchange): number {
  const { head } = caller
  let bytes = objectBytes + head.target.length + (caller.body === null ? 0 : bodyBytes)
  for (let i = 0; i < head.headers.length; i++) bytes += (head.headers[i] as string).length
  return bytes
}

/** Probes: counted, never kept and never refused. */
const bypass: Gate<Exchange> = { name: 'shed', admit: () => null }

/** Stands on every route: also without a limit, the work of an upstream is counted and its readiness awaited. */
export const shed: PolicyDefinition<Exchange> = {
  name: 'shed',
  routeSchema: { bulkhead: bulkheadShareSchema },
  upstreamSchema: { limit: limitSchema, bulkhead: bulkheadSchema },
  create: (context) => {
    const { door, group } = doorOf(context)
    meterDoor(context, door)
    if (context.routeOptions['priority'] === 'bypass') return bypass
    return new ShedGate(door, group, context.clock.wallMs() - context.clock.now())
  },
}
