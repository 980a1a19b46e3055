// HOT PATH — runs for every attempt of a keyed route. Rules: docs/decisions/0004.
// The last before the wire: takes the key of a work, once, for all its attempts. Standing here, nothing that is refused
// has ever written to the store. Who loses the race is refused, and record answers it as recall would have.

import { randomFillSync } from 'node:crypto'
import type { Attempt } from '../../core/attempt.ts'
import type { Outcome, Refused } from '../../core/outcome.ts'
import type { Gate } from '../../core/policy.ts'
import type { ClaimResult, ClaimToken } from '../../core/record-store.ts'
import { WAIT } from '../../core/scope.ts'
import type { Verdict } from '../../core/scope.ts'
import { inProgress, overQuota, storeFailed, storeFull } from './answers.ts'
import { Holding } from './holding.ts'
import { keyedOf } from './keyed.ts'
import type { Keyed } from './keyed.ts'
import { Ledger } from './ledger.ts'

/** What the layers around see of a lost race. */
const lostRace: Refused = { ...inProgress, by: 'claim' }

/** Nothing is recorded under it. */
const unknownClaim = { generation: 0, createdAtMs: 0 } as const

const tokenBytes = 16
/** Drawn for many tokens at once: each draw is a call into the system's generator. */
const dice = Buffer.alloc(256 * tokenBytes)
let diceAt = dice.length

function newToken(): ClaimToken {
  if (diceAt === dice.length) {
    randomFillSync(dice)
    diceAt = 0
  }
  const token = dice.toString('base64url', diceAt, diceAt + tokenBytes)
  // What was given out is not kept.
  dice.fill(0, diceAt, diceAt + tokenBytes)
  diceAt += tokenBytes
  return token
}

export class ClaimGate implements Gate<Attempt> {
  readonly name = 'claim'

  admit(attempt: Attempt, now: number): Verdict {
    const keyed = keyedOf(attempt.work.exchange)
    if (keyed === null || keyed.isBypassed) return null
    if (keyed.holding !== null) return keyed.holding.admit(attempt, now)
    const { desk, settings } = keyed.route
    if (!desk.quota.take(keyed.scope, settings.quota, desk.store.fill ?? 0, now)) {
      keyed.count('quota')
      return overQuota
    }
    return this.#claim(keyed, attempt)
  }

  #claim(keyed: Keyed, attempt: Attempt): Verdict {
    const { desk, settings } = keyed.route
    const token = newToken()
    let isLate = false
    const verdict = desk.claim({
      key: keyed.record, fingerprint: keyed.fingerprint, credential: keyed.credential, token,
      leaseMs: settings.leaseMs, ttlMs: settings.ttlMs, inDoubt: settings.inDoubt,
    }, (result) => {
      if (!isLate) return this.#verdict(keyed, attempt, token, result)
      this.#answered(keyed, attempt, token, result)
      return null
    })
    if (!(verdict instanceof Promise)) return verdict
    isLate = true
    keyed.claiming = attempt
    return WAIT
  }

  /** The attempt has waited for it, unless it is gone. */
  #answered(keyed: Keyed, attempt: Attempt, token: ClaimToken, result: ClaimResult): void {
    if (keyed.claiming !== attempt) return this.#forget(keyed, token, result)
    keyed.claiming = null
    attempt.gates.proceed(attempt, this.#verdict(keyed, attempt, token, result), keyed.route.desk.clock.now())
  }

  /** Counts what reached the wire, and notes what goes on although nobody waits for it. */
  judge(attempt: Attempt, outcome: Outcome, _now: number): void {
    const keyed = keyedOf(attempt.work.exchange)
    if (keyed === null) return
    if (attempt.sentAt >= 0) {
      keyed.dispatched++
      if (outcome.kind === 'reply' && outcome.status >= 500) keyed.failed++
    }
    if (attempt.isDetached) keyed.holding?.awaits(attempt)
  }

  cancel(attempt: Attempt): void {
    const keyed = keyedOf(attempt.work.exchange)
    if (keyed !== null && keyed.claiming === attempt) keyed.claiming = null
  }

  #verdict(keyed: Keyed, attempt: Attempt, token: ClaimToken, result: ClaimResult): Refused | null {
    const { desk, settings } = keyed.route
    desk.arrived(keyed.record, keyed)
    if (result.kind === 'taken') {
      keyed.holding = new Holding(keyed, attempt.work, token, result)
      return null
    }
    desk.quota.giveBack(keyed.scope, false)
    if (result.kind === 'full') {
      keyed.count('store-failed')
      return storeFull
    }
    if (result.kind === 'fault') {
      // It may have been applied: nothing is sent, so that the key is free if the store hears of it.
      this.#release(keyed, token)
      if (settings.failsOpen) {
        keyed.isBypassed = true
        return null
      }
      keyed.count('store-failed')
      return storeFailed(result)
    }
    keyed.lost = result
    return lostRace
  }

  /** The attempt is gone: nothing was sent and nothing will be. */
  #forget(keyed: Keyed, token: ClaimToken, result: ClaimResult): void {
    keyed.route.desk.quota.giveBack(keyed.scope, false)
    if (result.kind === 'taken' || result.kind === 'fault') this.#release(keyed, token)
  }

  /** Said until the store takes it: a key that nobody holds any more would answer for ever that it is in progress. */
  #release(keyed: Keyed, token: ClaimToken): void {
    void new Ledger(keyed, token, unknownClaim).release()
  }
}
