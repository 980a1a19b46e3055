// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The way of one request through the house, numbered as in docs/life-of-a-request.md: from the head that has passed the
// gate (1) to its end. It knows no socket and no mechanism: it asks doors, hands on, and says how it ended.

import type { Announce } from '../core/announce.ts'
import type { Caller } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import { codes } from '../core/codes.ts'
import type { Code } from '../core/codes.ts'
import { Exchange } from '../core/exchange.ts'
import type { ExchangeOwner } from '../core/exchange.ts'
import { isSafe } from '../core/methods.ts'
import type { Abandoned, Answer, Outcome, Refused } from '../core/outcome.ts'
import type { Plan } from '../core/plan.ts'
import type { Random } from '../core/random.ts'
import { WAIT } from '../core/scope.ts'
import { UnorderedList } from '../core/unordered-list.ts'
import { deliver } from './deliver.ts'
import { answerOptions, hasNoForwardsLeft } from './max-forwards.ts'
import { asNotProcessed, notProcessed, retryAfterS } from './refusals.ts'
import { requestIdOf } from './request-id.ts'
import { withTiming } from './server-timing.ts'
import { UpgradeCaller } from './upgrade-caller.ts'
import type { TunnelOwner, Tunnels } from './upgrade.ts'

/** What finds the plan of a request; pipeline/route-table.ts is one. */
export interface RouteFinder {
  find(listener: string, method: string, authority: string, path: string): Plan | null
}

export interface AcceptorOptions {
  /** Read once per request: a reload swaps the table between two of them. */
  readonly table: () => RouteFinder
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  /** Whether this listener is in the configuration in force. */
  readonly isOpen: (listener: string) => boolean
  /** Counts what was refused without a route. */
  readonly unrouted: (code: Code, caller: Caller) => void
  readonly tunnels: Tunnels
}

/** The caller is told no answer, and the work goes on. */
const runsOn = {
  fields: ['idempotency-status', 'in-progress'], members: { retry: 'same-key', idempotencyState: 'in-progress' },
} as const

const bodyTooLarge: Refused = {
  kind: 'refused', by: 'forward', code: 'request.body-too-large', status: 413, retryAfterMs: 0,
}

export function createAcceptor(options: AcceptorOptions): Acceptor {
  return new Acceptor(options)
}

export class Acceptor implements ExchangeOwner, TunnelOwner {
  readonly #options: AcceptorOptions
  readonly #clock: Clock
  /** Who waits at a door. */
  readonly #waiting = new UnorderedList<Exchange>()

  constructor(options: AcceptorOptions) {
    this.#options = options
    this.#clock = options.clock
  }

  /** Takes a request whose head has passed the gate. Never throws: a defect costs this request, not the process. */
  accept(caller: Caller, listener: string): void {
    try {
      this.#accept(caller, listener)
    } catch (error) {
      this.#options.announce({ what: 'defect', where: 'edge/accept', error })
      caller.cut()
    }
  }

  #accept(caller: Caller, listener: string): void {
    const { head } = caller
    if (hasNoForwardsLeft(head)) return answerOptions(caller)
    // 2: the plan.
    const plan = this.#options.table().find(listener, head.method, head.authority, head.path)
    if (plan === null) return this.#unrouted(caller, listener)
    // 3: the exchange, and who is told when the caller's side ends.
    const now = this.#clock.now()
    const exchange = new Exchange(caller, plan, this, now)
    exchange.requestId = requestIdOf(caller, this.#options.random)
    caller.owner = exchange
    if (caller.body !== null) {
      if (caller.body.length > plan.maxBodyBytes) return this.#refuse(exchange, bodyTooLarge, now)
      caller.limitBody(plan.maxBodyBytes)
    }
    // 4: the doors.
    const verdict = plan.doors.enter(exchange, now)
    if (verdict !== WAIT) this.decided(exchange, verdict, now)
    else this.#waiting.add(exchange)
  }

  /** No route takes it, or its listener has gone with a reload and took its routes along: that is no 404. */
  #unrouted(caller: Caller, listener: string): void {
    const { isOpen, unrouted, random } = this.#options
    const code: Code = isOpen(listener) ? 'route.none' : 'drain.closing'
    unrouted(code, caller)
    caller.refuse(code, retryAfterS(code, 0, random), requestIdOf(caller, random), notProcessed)
  }

  /** The house is about to end: whoever still waits at a door hears that nothing was done for it. */
  turnAway(): void {
    const now = this.#clock.now()
    for (const exchange of this.#waiting.takeAll()) {
      if (exchange.waitsAt < 0) continue
      const elapsedMs = now - exchange.startedAt
      this.#giveUp(exchange, { kind: 'abandoned', by: 'drain', elapsedMs }, 'drain.closing', now)
    }
  }

  /** Its caller has left. */
  left(exchange: Exchange): void {
    this.#waiting.remove(exchange)
    exchange.leave(this.#clock.now())
  }

  /** Its caller has all it will get. */
  ended(exchange: Exchange): void {
    this.#waiting.remove(exchange)
    exchange.end(this.#clock.now())
  }

  /** The doors have decided, at once or after a wait. */
  decided(exchange: Exchange, verdict: null | Answer, now: number): void {
    this.#waiting.remove(exchange)
    if (verdict !== null) return this.#finish(exchange, this.#orInstead(exchange, verdict), now)
    const { caller } = exchange
    if (caller instanceof UpgradeCaller) return this.#options.tunnels.open(exchange, caller, this)
    // 6: the layers and attempts; 11: back up.
    exchange.plan.handle(exchange.work, 'first')
      .then((outcome) => { this.#finish(exchange, outcome, this.#clock.now()) })
      // Also what the answer itself throws: nobody else would catch it, and the process would end.
      .catch((error: unknown) => { this.#defect(exchange, error) })
  }

  /** A fallback may have something to say instead of a refusal. */
  #orInstead({ plan, work, outcome }: Exchange, verdict: Answer): Answer {
    if (plan.atDoor === null || verdict.kind !== 'refused' || outcome !== null) return verdict
    return plan.atDoor(work, verdict) ?? verdict
  }

  /** The deadline has passed. */
  expired(exchange: Exchange, now: number): void {
    const abandoned: Abandoned = { kind: 'abandoned', by: 'deadline', elapsedMs: now - exchange.startedAt }
    if (exchange.outcome === null) this.#late(exchange, abandoned, now)
    // The head is out: the deadline covers the body of an answer, unless it is a stream.
    else if (!exchange.isStream && exchange.outcome.kind === 'reply') exchange.caller.cut()
  }

  /** Nobody behind it wants it. Sent for sure or safe to leave, it is cut; what may have acted runs to its own end. */
  orphaned(exchange: Exchange, now: number): void {
    const { work, caller, outcome } = exchange
    if (work.delivered !== 'no' && !isSafe(caller.head.method)) return
    const abandoned: Abandoned = { kind: 'abandoned', by: 'caller', elapsedMs: now - exchange.startedAt }
    if (outcome === null) this.#giveUp(exchange, abandoned, 'caller.gone', now)
    else if (outcome.kind === 'reply') caller.cut()
  }

  /** A fallback may have something to say instead, except where somebody still waits for how the work ends. */
  #late(exchange: Exchange, abandoned: Abandoned, now: number): void {
    const { work } = exchange
    const instead = work.keeper === null ? work.substitute?.('deadline.expired') ?? null : null
    if (instead === null) return this.#giveUp(exchange, abandoned, 'deadline.expired', now)
    exchange.gates.leaveLine(exchange, now)
    // Told first, so that what the cut brings up is known to be too late.
    deliver(exchange, instead, now)
    work.abandon(abandoned, now)
  }

  /** Tunnels: the handshake is over. */
  tunnelEnded(exchange: Exchange, outcome: Outcome): void {
    this.#finish(exchange, outcome, this.#clock.now())
  }

  #finish(exchange: Exchange, outcome: Outcome, now: number): void {
    // Its caller has left or been told already: what came late is dropped.
    if (exchange.outcome !== null) {
      if (outcome.kind === 'reply') outcome.body?.discard()
      return
    }
    switch (outcome.kind) {
      case 'reply':
        // 12: the answer.
        return deliver(exchange, outcome, now)
      case 'refused': return this.#refuse(exchange, outcome, now)
      case 'failed':
        exchange.settle(outcome, outcome.fault, codes[outcome.fault].status, now)
        return this.#tell(exchange, outcome.fault, 0, outcome)
      case 'abandoned':
        return this.#abandoned(exchange, outcome, now)
      case 'tunnel':
        exchange.settle(outcome, null, 101, now)
        // Counted as a tunnel from here on: doors and deadline are done with it.
        return exchange.end(now)
    }
  }

  // 5: the constant refusal.
  #refuse(exchange: Exchange, refused: Refused, now: number): void {
    exchange.settle(refused, refused.code, codes[refused.code].status, now)
    this.#tell(exchange, refused.code, refused.retryAfterMs, refused)
  }

  #abandoned(exchange: Exchange, outcome: Abandoned, now: number): void {
    if (outcome.by === 'deadline') return this.#giveUp(exchange, outcome, 'deadline.expired', now)
    if (outcome.by === 'drain') return this.#giveUp(exchange, outcome, 'drain.closing', now)
    // Nobody is left to be told, or a rival's answer got lost: either way there is none.
    exchange.settle(outcome, 'caller.gone', 0, now)
    exchange.caller.cut()
  }

  /** Tells the caller, and ends what still runs for it. */
  #giveUp(exchange: Exchange, outcome: Outcome, code: Code, now: number): void {
    exchange.settle(outcome, code, codes[code].status, now)
    exchange.gates.leaveLine(exchange, now)
    const { work } = exchange
    work.abandon(outcome, now)
    // What was detached before its first byte is not sent any more.
    this.#tell(exchange, code, 0, work.isDetached && work.delivered !== 'no' ? runsOn : {})
  }

  /** The rest of the request cannot be had: too slow, too large, badly framed. */
  broken(exchange: Exchange, code: Code): void {
    const now = this.#clock.now()
    if (exchange.outcome !== null) return exchange.caller.cut()
    this.#giveUp(exchange, { kind: 'abandoned', by: 'caller', elapsedMs: now - exchange.startedAt }, code, now)
  }

  #tell(exchange: Exchange, code: Code, knownRetryMs: number, own: Pick<Refused, 'fields' | 'members'>): void {
    const { work, caller, requestId } = exchange
    let fields = work.delivered === 'no' ? asNotProcessed(own.fields) : own.fields
    if (exchange.plan.forwarding.tellsTiming) fields = withTiming(fields ?? [], exchange, this.#clock.now())
    caller.refuse(code, retryAfterS(code, knownRetryMs, this.#options.random), requestId, fields, own.members)
  }

  #defect(exchange: Exchange, error: unknown): void {
    this.#options.announce({ what: 'defect', where: `route ${exchange.plan.route}`, error })
    exchange.caller.cut()
  }
}
