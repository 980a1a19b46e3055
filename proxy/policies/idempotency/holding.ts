// A key that is ours, from its claim to the last word on it: keeps the lease, lets attempts end that nobody waits for
// any more, and writes what became of them: the answer, the release because nothing was sent, or that nobody knows.
//
//   held ──reply──► record ──► over        ──failed, refused──► release (delivered no) or doubt ──► over
//     └──caller left, deadline, attempt given up──► late window ──answer──► record    ──nothing──► doubt

import type { Attempt } from '../../core/attempt.ts'
import type { Timer } from '../../core/clock.ts'
import type { Outcome, Refused, Reply } from '../../core/outcome.ts'
import type { ClaimToken, DoubtReason, Soon, StoredAnswer } from '../../core/record-store.ts'
import { WAIT } from '../../core/scope.ts'
import type { Verdict } from '../../core/scope.ts'
import { follow } from '../../core/soon.ts'
import { WholeBody } from '../../core/whole-body.ts'
import type { Keeper, Work } from '../../core/work.ts'
import { inProgress, withStatus } from './answers.ts'
import type { KeyStatus } from './answers.ts'
import { collect } from './collecting.ts'
import type { Collected } from './collecting.ts'
import type { Held } from './desk.ts'
import type { Keyed } from './keyed.ts'
import { isReleasing, isStream, reasonOf, saysLess } from './lessons.ts'
import { withBody, withoutBody } from './kept-answer.ts'
import { Ledger } from './ledger.ts'

/** A lease nearer to its end than this share of it is renewed before anything more is sent. */
const freshPart = 0.5

const fenced: Refused = { ...inProgress, by: 'claim' }

export class Holding implements Keeper, Held {
  listIndex = -1
  readonly claimedAt: number
  readonly #keyed: Keyed
  readonly #work: Work
  readonly #ledger: Ledger
  /** Those that go on although nobody waits for them; null: never any. */
  #detached: Set<Attempt> | null = null
  #reason: DoubtReason = 'reset'
  /** An answer that came for an attempt already given up, while another was still tried. */
  #stashed: Reply | null = null
  /** There is one: whatever another attempt comes to changes nothing. */
  #hasAnswer = false
  /** The attempt whose late answer is being read. */
  #reading: Attempt | null = null
  #lease: Timer | null = null
  #window: Timer | null = null
  #renewedAt: number
  /** The layers have given up: what comes now is late. */
  #isConcluded = false
  /** The answer came after that. */
  #isLate = false
  #isAlone = false
  #isOver = false

  constructor(
    keyed: Keyed, work: Work, token: ClaimToken, claim: { readonly generation: number; readonly createdAtMs: number },
  ) {
    const { desk } = keyed.route
    this.#keyed = keyed
    this.#work = work
    this.claimedAt = this.#renewedAt = desk.clock.now()
    this.#ledger = new Ledger(keyed, token, claim)
    work.keeper = this
    desk.held.add(this)
    // Where a lock says that we live, there is nothing to renew.
    if (desk.store.isShared) this.#renewLater()
  }

  /** Gate: one more attempt of the same work. */
  admit(attempt: Attempt, now: number): Verdict {
    const { desk, settings } = this.#keyed.route
    if (this.#isOver) return fenced
    if (!desk.store.isShared || now - this.#renewedAt < settings.leaseMs * freshPart) return null
    const renewed = this.#ledger.renew()
    const verdict = (kind: string): Verdict => kind === 'stored' || kind === 'already' ? null : fenced
    if (!(renewed instanceof Promise)) return verdict(renewed.kind)
    void renewed.then(({ kind }) => {
      if (kind !== 'fault') this.#renewedAt = desk.clock.now()
      attempt.gates.proceed(attempt, verdict(kind) as Refused | null, desk.clock.now())
    })
    return WAIT
  }

  /** Gate: this attempt goes on although nobody waits for it. */
  awaits(attempt: Attempt): void {
    this.#detached ??= new Set()
    this.#detached.add(attempt)
  }

  /** Layer: that is all the attempts came to. Writes it down, and gives what the caller is to be told. */
  conclude(outcome: Outcome): Soon<Outcome> {
    const stashed = this.#stashed
    this.#stashed = null
    this.#isConcluded = true
    if (outcome.kind === 'reply') {
      const isTaken = stashed === null || this.#isOver || !saysLess(outcome, stashed, this.#keyed.route.settings)
      const dropped = isTaken ? stashed : outcome
      dropped?.body?.discard()
      this.#hasAnswer = true
      if (isTaken) return this.#answered(outcome)
    }
    if (this.#isOver) return withStatus(outcome, 'unknown')
    if (stashed !== null) {
      this.#work.took(this.#reading as Attempt)
      return this.#answered(stashed)
    }
    if (outcome.kind === 'failed') this.#reason = reasonOf(outcome.fault)
    if (this.#hasDetached) return withStatus(outcome, 'in-progress')
    return this.#gaveUp(outcome)
  }

  // Keeper
  late(attempt: Attempt, outcome: Outcome): void {
    this.#detached?.delete(attempt)
    if (outcome.kind === 'reply') {
      if (this.#isOver || this.#hasAnswer) return outcome.body?.discard()
      this.#hasAnswer = true
      this.#reading = attempt
      this.#isLate = this.#isConcluded
      if (!this.#isLate) this.#stashed = outcome
      else void follow(this.#answered(outcome), (told) => { if (told.kind === 'reply') told.body?.discard() })
      return
    }
    if (outcome.kind === 'failed') this.#reason = reasonOf(outcome.fault)
    if (this.#isConcluded && !this.#hasAnswer && !this.#hasDetached) void this.#gaveUp(outcome)
  }

  /** The exchange is over: from here on this counts as work of its own, and has its own bound. */
  goOnAlone(): void {
    if (this.#isOver || this.#isAlone) return
    const { desk, settings } = this.#keyed.route
    this.#isAlone = true
    desk.house.inFlight++
    this.#window = desk.clock.after(settings.lateWindowMs, () => { this.#windowOver() })
  }

  async shutDown(): Promise<void> {
    if (this.#isOver) return
    this.#over(true)
    await this.#ledger.doubt('shutdown')
  }

  #windowOver(): void {
    this.#window = null
    const now = this.#keyed.route.desk.clock.now()
    this.#reason = 'timeout'
    const outcome = { kind: 'abandoned', by: 'deadline', elapsedMs: now - this.#work.exchange.startedAt } as const
    this.#cutDetached()
    this.#reading?.cut(outcome, now)
    this.#work.cut(outcome, now)
  }

  get #hasDetached(): boolean { return this.#detached !== null && this.#detached.size > 0 }

  /** Those given up earlier may no longer be among the running ones of the work, and nobody else knows them. */
  #cutDetached(): void {
    if (this.#detached === null) return
    const now = this.#keyed.route.desk.clock.now()
    const elapsedMs = now - this.#work.exchange.startedAt
    for (const attempt of this.#detached) attempt.cut({ kind: 'abandoned', by: 'deadline', elapsedMs }, now)
  }

  #answered(reply: Reply): Soon<Outcome> {
    const { settings, isSeawall } = this.#keyed.route
    if (this.#isOver) return withStatus(reply, 'unrecorded')
    const { unsafeCalls } = this.#work.exchange
    if (isReleasing(reply, settings, isSeawall, this.#keyed.others, unsafeCalls > 0)) {
      return follow(this.#ledger.release(), () => this.#told(reply, 'released', false))
    }
    if (isStream(reply, this.#work.exchange.plan.isStream) || (reply.body?.length ?? 0) > settings.maxResponseBytes) {
      return this.#recorded(reply, withoutBody(reply, settings.redacted))
    }
    if (reply.body === null) return this.#recorded(reply, withBody(reply, settings.redacted, new Uint8Array(0), null))
    return follow(collect(reply.body, settings.maxResponseBytes), (collected) => this.#collected(reply, collected))
  }

  #collected(reply: Reply, collected: Collected): Soon<Outcome> {
    if (this.#isOver) return withStatus({ ...reply, body: null }, 'unknown')
    const { redacted } = this.#keyed.route.settings
    if (collected.kind === 'too-large') {
      return this.#recorded({ ...reply, body: collected.rest }, withoutBody(reply, redacted))
    }
    if (collected.kind === 'broken') {
      const failed = { kind: 'failed', fault: 'upstream.reset', cause: collected.cause } as const
      return follow(this.#ledger.doubt('truncated'), () => this.#told(failed, 'unknown', true))
    }
    const { bytes, trailers } = collected
    const body = new WholeBody([bytes], reply.body?.length ?? -1, trailers)
    return this.#recorded({ ...reply, body }, withBody(reply, redacted, bytes, trailers))
  }

  #recorded(reply: Reply, answer: StoredAnswer): Soon<Outcome> {
    return follow(this.#ledger.finish(answer), (status) => {
      // For whoever repeats it: nobody waits here any more.
      if ((this.#isLate || this.#isAlone) && status === 'executed') this.#keyed.route.lateAnswers.add()
      return this.#told(reply, status, true)
    })
  }

  /** No attempt has come to an answer, and none runs. */
  #gaveUp(outcome: Outcome): Soon<Outcome> {
    if (this.#isOver) return outcome
    if (this.#work.delivered !== 'no') {
      return follow(this.#ledger.doubt(this.#reason), () => this.#told(outcome, 'unknown', true))
    }
    return follow(this.#ledger.release(), () => {
      // The edge says itself that nothing was sent.
      this.#over(false)
      this.#keyed.count('released')
      return outcome
    })
  }

  #told(outcome: Outcome, status: KeyStatus, isUsed: boolean): Outcome {
    this.#over(isUsed)
    this.#keyed.count(status)
    return withStatus(outcome, status)
  }

  #renewLater(): void {
    const { desk, settings } = this.#keyed.route
    this.#lease = desk.clock.after(settings.leaseMs / 3, () => {
      const since = desk.clock.now()
      const renewed = this.#ledger.renew()
      const seen = ({ kind }: { kind: string }): void => {
        if (this.#isOver) return
        if (kind === 'stored' || kind === 'already') this.#renewedAt = since
        this.#renewLater()
      }
      if (renewed instanceof Promise) void renewed.then(seen)
      else seen(renewed)
    })
  }

  #over(isUsed: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    const { desk } = this.#keyed.route
    this.#lease?.clear()
    this.#window?.clear()
    desk.held.remove(this)
    desk.quota.giveBack(this.#keyed.scope, isUsed)
    // From here on whoever leaves ends what still runs, as everywhere.
    if (this.#work.keeper === this) this.#work.keeper = null
    if (this.#isAlone) desk.house.inFlight--
    this.#cutDetached()
  }
}
