// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// One caller's request and its answer, from the head to the last body byte: what the caller waits for. It owns the
// deadline and the ends; what it set going upstream is its Work.

import type { Caller, CallerOwner } from './caller.ts'
import type { Timer } from './clock.ts'
import type { Answer, Outcome, PolicyName } from './outcome.ts'
import type { Code } from './codes.ts'
import { levelOf } from './priority.ts'
import type { Priority } from './priority.ts'
import { Scope } from './scope.ts'
import type { Verdict } from './scope.ts'
import type { Plan } from './plan.ts'
import { Work } from './work.ts'

/** Who carries an exchange through the house (edge/accept.ts, or the simulator's client). */
export interface ExchangeOwner {
  /** Its caller left before the answer was complete; `ended` follows. */
  left(exchange: Exchange): void
  /** Its caller has all it will get. */
  ended(exchange: Exchange): void
  /** The rest of its request cannot be had, for the reason of the code. */
  broken(exchange: Exchange, code: Code): void
  /** All doors are passed after a wait, or one of them said no. */
  decided(exchange: Exchange, verdict: null | Answer, now: number): void
  /** The deadline passed: the caller is to be told, if it can still be told. */
  expired(exchange: Exchange, now: number): void
  /** Nobody wants its answer any more, though its own caller still waits: it is to be told. */
  orphaned(exchange: Exchange, now: number): void
}

/** Reads the whole body of a request into a bounded place, because somebody needs all of it before it is sent. */
export interface Intake {
  /**
   * Null: it is there, or need not be read. An answer: it cannot be had. WAIT: it is being read, and `done` is called
   * once, with null or with why it cannot be had; never after `leave`.
   */
  read(done: (refused: Answer | null, now: number) => void): Verdict
  /** Nobody waits for it any more. */
  leave(): void
}

export class Exchange extends Scope implements CallerOwner {
  readonly caller: Caller
  readonly plan: Plan
  readonly owner: ExchangeOwner
  readonly work: Work
  /** Absolute, clock ms; Infinity when there is none. */
  deadlineAt: number
  /** When those on whose behalf it is made want an answer, clock ms; Infinity: no such time. */
  inheritedDeadlineAt: number
  /** Fires at `deadlineAt`; owned and cleared by the deadline gate. */
  deadlineTimer: Timer | null
  /** Its class at the admission of the upstream. */
  priority: Priority
  /** The class of those on whose behalf it is made; null: nobody known. */
  inheritedPriority: Priority | null
  /** Its kin: as one that lends, or those on whose behalf it is made. The inherit gate's own. */
  kin: object | null
  /** Its place among those who wait at a door; its owner's. */
  listIndex: number
  /** Its place in the admission line while it waits there. */
  ticket: object | null
  /** Calls that the service made for it, through here, that are no safe ones and were, or still may be, acted on. */
  unsafeCalls: number
  /** What the policies of idempotency know of its key; null: it has none that counts. */
  keyed: object | null
  /** What has to be read of the request before it may take a permit; null: nothing. */
  intake: Intake | null
  /** Ours if the caller sent none; in the access log and in problem documents. */
  requestId: string
  /** Of its trace, and of what was sent upstream last; '' while not known. */
  traceId: string
  spanId: string
  /** What the caller was told, or what befell; null while it runs. */
  outcome: Outcome | null
  /** The code it is counted under; null for an answer of upstream. */
  code: Code | null
  /** Status as told to the caller; 0 when nothing could be told. */
  status: number
  /** Time spent waiting for a permit, ms. */
  queuedMs: number
  /** Whether the answer is a stream (SSE, long poll): the deadline no longer covers its body. */
  isStream: boolean

  constructor(caller: Caller, plan: Plan, owner: ExchangeOwner, now: number) {
    super(plan.doors, now)
    this.caller = caller
    this.plan = plan
    this.owner = owner
    this.work = new Work(this)
    this.deadlineAt = Infinity
    this.inheritedDeadlineAt = Infinity
    this.deadlineTimer = null
    this.priority = 'default'
    this.inheritedPriority = null
    this.kin = null
    this.listIndex = -1
    this.ticket = null
    this.unsafeCalls = 0
    this.keyed = null
    this.intake = null
    this.requestId = ''
    this.traceId = ''
    this.spanId = ''
    this.outcome = null
    this.code = null
    this.status = 0
    this.queuedMs = 0
    this.isStream = false
  }

  override decided(verdict: null | Answer, now: number): void {
    this.owner.decided(this, verdict, now)
  }

  // CallerOwner
  callerLeft(): void { this.owner.left(this) }
  callerEnded(): void { this.owner.ended(this) }
  requestBroken(code: Code): void { this.owner.broken(this, code) }

  /** The outcome is known (a head, a failure, a refusal, a cut): the gates learn it. The first call counts. */
  settle(outcome: Outcome, code: Code | null, status: number, now: number): void {
    if (this.outcome !== null) return
    this.outcome = outcome
    this.code = code
    this.status = status
    this.gates.judge(this, outcome, now)
  }

  /** The last byte is out, or never will be: gates are left and the plan's observer is told. The first call counts. */
  end(now: number): void {
    if (this.isReleased) return
    this.gates.leaveLine(this, now)
    this.gates.release(this, now)
    this.plan.observer.exchangeEnded(this, now)
  }

  /** Somebody of that class waits for what it gets: it is of the higher class of the two from now on. */
  raise(priority: Priority): void {
    if (levelOf[priority] >= levelOf[this.priority]) return
    this.priority = priority
    this.gates.raise(this)
  }

  /** The caller left. Work without a claim is cut with it. */
  leave(now: number): void {
    if (this.isReleased) return
    const elapsedMs = now - this.startedAt
    this.settle({ kind: 'abandoned', by: 'caller', elapsedMs }, 'caller.gone', 0, now)
    this.work.abandon({ kind: 'abandoned', by: 'caller', elapsedMs }, now)
    this.end(now)
  }

  /** The deadline passed. */
  expire(now: number): void {
    if (!this.isReleased) this.owner.expired(this, now)
  }

  /** Those on whose behalf it is made have all left. */
  orphan(now: number): void {
    if (!this.isReleased) this.owner.orphaned(this, now)
  }

  /** Observe mode: what `policy` would have said. Counted, without effect. */
  wouldRefuse(code: Code, policy: PolicyName): void {
    this.plan.observer.wouldRefuse(this, code, policy)
  }
}
