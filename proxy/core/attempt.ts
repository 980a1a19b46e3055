// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// One try of a work at one endpoint. The leaf that sends it reports through the five verbs below and knows nothing of
// policies; the policies are told through the gates and know nothing of sockets.

import type { Clock, Timer } from './clock.ts'
import type { FaultCode } from './codes.ts'
import { tunnel } from './outcome.ts'
import type { Answer, Outcome, Reply } from './outcome.ts'
import type { Forwarding } from './plan.ts'
import { lessons } from './outcome-matrix.ts'
import type { Lesson, OutcomeRow } from './outcome-matrix.ts'
import type { RawHeaders } from './raw-headers.ts'
import { Scope } from './scope.ts'
import type { Course, GateRun } from './scope.ts'
import type { Endpoint } from './upstream.ts'
import type { Work } from './work.ts'

export type AttemptKind = 'first' | 'retry' | 'hedge' | 'failover'

/** What the attempt may ask of the leaf that sends it. */
export interface Leaf {
  /** Stops the attempt: what was not sent is not sent, what is open is closed. `closed` is still reported. */
  cut(): void
}

/**
 * How its permit is held. counted: like any. aside: its latency teaches nothing, the route is slow. idle: the same,
 * because the upstream waits for the caller. stream: it has moved to the counted streams. none: it has none.
 */
export type PermitHold = 'none' | 'counted' | 'aside' | 'idle' | 'stream'

/** Who wants to know of attempts: the pipeline that made it. */
export interface AttemptOwner {
  /** How its head changes; absent: as its plan says. A failover goes to another host than the route's own. */
  readonly forwarding?: Forwarding
  /** Name of the upstream that its attempts go to: after a failover not the one of the route. */
  readonly upstream: string
  /** Every gate was passed after a wait: the attempt can be sent. */
  ready(attempt: Attempt, now: number): void
  /** What its ending teaches; asked once, before the gates judge. */
  rowOf(attempt: Attempt, outcome: Outcome, now: number): OutcomeRow
  /** Upstream's work is over: last byte, closed socket. Called once. */
  ended(attempt: Attempt, now: number): void
}

/** Attempts made by this process. */
let made = 0

export class Attempt extends Scope {
  readonly work: Work
  readonly kind: AttemptKind
  /** From 1, rising: a gate tells by it what began before a change of its own state. */
  readonly serial: number
  readonly owner: AttemptOwner
  readonly clock: Clock
  /** The attempt's own time, ms from its first byte on the wire; Infinity without one. Set by a gate. */
  timeoutMs: number
  timer: Timer | null
  /** When the first byte was handed to the socket; -1 before. The attempt's own time starts here. */
  sentAt: number
  /** When the head of the answer arrived; -1 before. */
  headAt: number
  /** How it ended towards the layers; null while it runs. */
  outcome: Outcome | null
  /** Its row in the outcome matrix; null until it is judged. */
  row: OutcomeRow | null
  /** Where it goes, when a gate has chosen; null: the leaf chooses. Set by the leaf then. */
  endpoint: Endpoint | null
  /** What broke the body after the head, if anything did. */
  bodyFault: FaultCode | null
  /** Stands between the leaf and the answer: another reply, or null when it has ended the attempt itself. */
  alters: ((reply: Reply) => Reply | null) | null
  /** Set by the leaf in `send`. */
  leaf: Leaf | null
  isClosed: boolean
  /** Its exchange is over, and the keeper of its work waits for what still comes. */
  isDetached: boolean
  /** We stopped it after its first byte and before its head: the upstream may still be at it. */
  isCut: boolean
  /** Its upstream waits for the caller: for the rest of a body, or for room to answer. */
  isCallersTurn: boolean
  /** The permit gate's own: how it is held, since when the upstream waits for the caller, and how long it did. */
  hold: PermitHold
  /** The same: which endpoint's limit its permit counts for; null before. */
  countedAt: object | null
  idleSince: number
  idleMs: number
  /** Resolves the promise of the handler that made it. */
  readonly resolve: (outcome: Outcome) => void

  constructor(
    work: Work, kind: AttemptKind, gates: GateRun, owner: AttemptOwner, clock: Clock,
    resolve: (outcome: Outcome) => void, now: number,
  ) {
    super(gates, now)
    this.work = work
    this.kind = kind
    this.serial = ++made
    this.owner = owner
    this.clock = clock
    this.timeoutMs = Infinity
    this.timer = null
    this.sentAt = -1
    this.headAt = -1
    this.outcome = null
    this.row = null
    this.endpoint = null
    this.bodyFault = null
    this.alters = null
    this.leaf = null
    this.isClosed = false
    this.isDetached = false
    this.isCut = false
    this.isCallersTurn = false
    this.hold = 'none'
    this.countedAt = null
    this.idleSince = -1
    this.idleMs = 0
    this.resolve = resolve
  }

  override decided(verdict: null | Answer, now: number): void {
    if (verdict === null) this.owner.ready(this, now)
    else this.refused(verdict, now)
  }

  /** A gate answered instead of letting the attempt through: nothing was sent. */
  refused(answer: Answer, now: number): void {
    this.#settle(answer, now)
    this.closed()
  }

  /** Leaf: the first byte is about to be handed to the socket; from here on upstream may act on it. */
  sent(): void {
    this.work.raise('maybe')
    if (this.sentAt >= 0) return
    this.sentAt = this.clock.now()
    if (this.timeoutMs !== Infinity && this.outcome === null) {
      this.timer = this.clock.after(this.timeoutMs, () => this.#timedOut())
    }
  }

  /** Leaf: an interim answer (100, 102, 103, …; never 101). */
  informed(status: number, headers: RawHeaders): void { if (this.outcome === null) this.work.inform(status, headers) }

  /** Leaf: the head of the answer. A null body means there is none and `closed` follows at once. */
  headed(reply: Reply): void {
    const now = this.clock.now()
    if (this.outcome !== null) {
      if (this.isDetached) return this.#late(reply, now)
      return reply.body?.discard()
    }
    const told = this.alters === null ? reply : this.alters(reply)
    if (told === null) return reply.body?.discard()
    this.headAt = now
    this.work.raise('yes')
    this.#settle(told, now)
  }

  /** Leaf: the upstream has agreed to an upgrade; until `closed` it is a stream. False: it had ended before. */
  upgraded(): boolean {
    if (this.outcome !== null) return false
    const now = this.clock.now()
    this.headAt = now
    this.work.raise('yes')
    this.#settle(tunnel, now)
    this.turn('stream')
    return true
  }

  /** Leaf, work: what it is doing for its upstream has changed. */
  turn(into: Course): void {
    this.isCallersTurn = into === 'idle'
    if (!this.isClosed) this.gates.turn(this, into, this.clock.now())
  }

  /** Leaf: no answer will come. `closed` is implied. */
  failed(fault: FaultCode, cause: string): void {
    const now = this.clock.now()
    if (this.outcome === null) this.#settle({ kind: 'failed', fault, cause }, now)
    else if (this.isDetached) this.#late({ kind: 'failed', fault, cause }, now)
    else if (this.outcome.kind === 'reply' && this.bodyFault === null) {
      this.bodyFault = fault
      this.gates.spoil(this, now)
    }
    this.closed()
  }

  /** Leaf: upstream's work on this attempt is over, well or not. Later calls do nothing. */
  closed(): void {
    if (this.isClosed) return
    this.isClosed = true
    const now = this.clock.now()
    this.gates.release(this, now)
    this.owner.ended(this, now)
  }

  /** Gates, exchange: stop this attempt with that outcome. After the head only the body is stopped. */
  cut(outcome: Outcome, now: number): void {
    if (this.isClosed) return
    this.isCut = this.sentAt >= 0 && this.headAt < 0
    if (this.outcome === null) this.#settle(outcome, now)
    else if (this.isDetached) this.#late(outcome, now)
    this.gates.leaveLine(this, now)
    if (this.leaf === null) this.closed()
    else this.leaf.cut()
  }

  /** Work: nobody waits for it any more, but how it ends is still wanted. Judged now; what comes is told as late. */
  detach(outcome: Outcome, now: number): void {
    if (this.isClosed || this.outcome !== null) return
    this.isDetached = true
    this.#settle(outcome, now)
    // Nothing was sent, be it in a line or for want of a connection: there is nothing to wait for.
    if (this.sentAt < 0) this.cut(outcome, now)
  }

  /** The lesson of its ending. Only after the judgement. */
  get lesson(): Lesson {
    return lessons[this.row ?? 'shed']
  }

  #late(outcome: Outcome, now: number): void {
    this.isDetached = false
    if (outcome.kind === 'reply') this.work.raise('yes')
    const { keeper } = this.work
    if (keeper !== null) keeper.late(this, outcome, now)
    else if (outcome.kind === 'reply') outcome.body?.discard()
  }

  #timedOut(): void {
    this.timer = null
    const cause = `no head of an answer within ${this.timeoutMs} ms of sending`
    const outcome: Outcome = { kind: 'failed', fault: 'upstream.timeout', cause }
    // Whoever keeps a record wants to know how it ends; nobody else waits on.
    if (this.work.keeper === null) this.cut(outcome, this.clock.now())
    else this.detach(outcome, this.clock.now())
  }

  #settle(outcome: Outcome, now: number): void {
    this.outcome = outcome
    if (this.timer !== null) {
      this.timer.clear()
      this.timer = null
    }
    this.row = this.owner.rowOf(this, outcome, now)
    this.gates.judge(this, outcome, now)
    this.resolve(outcome)
  }
}
