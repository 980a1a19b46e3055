// What a repeated request is told: looks the key up, compares the whole request, and answers from the record, waiting
// for one that is being made. Used before the door, and again after a claim was lost; it takes no permit and sends
// nothing.

import type { Timer } from '../../core/clock.ts'
import type { Answer } from '../../core/outcome.ts'
import type { DoneRecord, InFlightRecord, Lookup, RecordFacts, UnknownRecord } from '../../core/record-store.ts'
import { WAIT } from '../../core/scope.ts'
import type { Verdict } from '../../core/scope.ts'
import { inProgress, keyReused, outcomeUnknown, replayOf, storeFailed } from './answers.ts'
import { differencesOf, wayOfRecorded } from './fingerprint.ts'
import type { PartName } from './fingerprint.ts'
import type { Keyed } from './keyed.ts'
import type { Waiter } from './waiters.ts'

/** Between two looks at a key that another process holds, ms: from, and at most. With jitter, so that none march. */
const pollFromMs = 25
const pollMostMs = 250
/** Our own claims tell when they are over; this is for what nobody thought of. */
const ownPollMs = 1_000
/** Before the deadline: so that the caller hears what is true, not that its time is over. */
const marginMs = 10

export class Recollection implements Waiter {
  readonly #keyed: Keyed
  readonly #done: (answer: Answer | null, now: number) => void
  #isLeft = false
  #endTimer: Timer | null = null
  #pollTimer: Timer | null = null
  #pollMs = pollFromMs

  /** `done`: null means go on as the first. Not called for what `begin` answers at once, nor after `leave`. */
  constructor(keyed: Keyed, done: (answer: Answer | null, now: number) => void) {
    this.#keyed = keyed
    this.#done = done
  }

  /** Null: nobody has used the key. */
  begin(): Verdict {
    const verdict = this.#look()
    if (verdict !== WAIT) this.leave()
    return verdict
  }

  leave(): void {
    this.#isLeft = true
    this.#endTimer?.clear()
    this.#pollTimer?.clear()
    this.#keyed.intake.leave()
    this.#keyed.route.desk.waiters.leave(this.#keyed.record, this)
  }

  // Waiter
  woken(found: Lookup | null): void {
    this.#pollTimer?.clear()
    this.#goOn(found === null ? this.#look() : this.#judge(found))
  }

  #look(): Verdict {
    const found = this.#keyed.route.desk.lookup(this.#keyed.record)
    if (found === null) return null
    if (!(found instanceof Promise)) return this.#judge(found)
    void found.then((lookup) => { if (!this.#isLeft) this.#goOn(this.#judge(lookup)) })
    return WAIT
  }

  #goOn(verdict: Verdict): void {
    if (verdict === WAIT || this.#isLeft) return
    this.leave()
    this.#done(verdict, this.#keyed.route.desk.clock.now())
  }

  #judge(found: Lookup): Verdict {
    const keyed = this.#keyed
    if (found.kind === 'absent') return this.#goFirst()
    if (found.kind === 'fault') {
      if (keyed.route.settings.failsOpen) {
        keyed.isBypassed = true
        return null
      }
      keyed.count('store-failed')
      return storeFailed(found)
    }
    const kept = isFinal(found) ? found : null
    const read = keyed.intake.read((refused) => {
      // Meanwhile the record may have become another, unless it is one that stays.
      this.#goOn(refused ?? (kept === null ? this.#look() : this.#answer(kept)))
    })
    return read ?? this.#answer(found)
  }

  #answer(record: DoneRecord | InFlightRecord | UnknownRecord): Verdict {
    const keyed = this.#keyed
    const { settings } = keyed.route
    if (!isSame(keyed, record.fingerprint)) {
      keyed.count('key-reused')
      return keyReused(differencesFrom(keyed, record))
    }
    switch (record.kind) {
      case 'in-flight': return this.#wait(record.isOwn)
      case 'unknown':
        if (settings.inDoubt === 'retry') return this.#goFirst()
        keyed.count('unknown')
        // Of those nobody wrote down, this is the first that is heard.
        if (record.reason === 'owner-lost') keyed.route.desk.meter.doubted('owner-lost')
        return outcomeUnknown(record, keyed.record, settings.repeatsFailures)
      case 'done': {
        const answer = replayOf(record, settings, keyed.credential, keyed.route.desk.clock.wallMs())
        keyed.count(answer.kind === 'reply' ? 'replayed' : 'result-unavailable')
        return answer
      }
    }
  }

  /** Nobody has the key: this is the first, unless another has just gone the same way. When that is shed, we may go. */
  #goFirst(): Verdict {
    const { route, record, exchange } = this.#keyed
    const first = route.desk.underway.get(record)
    if (first !== undefined && first !== this.#keyed) {
      const verdict = this.#wait(true)
      // Not behind work of a lower class than this.
      if (verdict === WAIT) first.exchange.raise(exchange.priority)
      return verdict
    }
    route.desk.underway.set(record, this.#keyed)
    return null
  }

  #wait(isOwn: boolean): Verdict {
    const { route, record: key, exchange } = this.#keyed
    const { clock, random, waiters } = route.desk
    const now = clock.now()
    if (this.#endTimer === null) {
      const forMs = Math.min(route.settings.waitMs, exchange.deadlineAt - now - marginMs)
      if (!route.settings.waits || forMs <= 0) return this.#giveUp()
      this.#endTimer = clock.after(forMs, () => { this.#goOn(this.#giveUp()) })
    }
    waiters.leave(key, this)
    if (!waiters.join(key, this)) return this.#giveUp()
    const pollMs = isOwn ? ownPollMs : this.#pollMs * (0.5 + random())
    this.#pollMs = Math.min(pollMostMs, this.#pollMs * 2)
    this.#pollTimer?.clear()
    this.#pollTimer = clock.after(pollMs, () => { this.woken(null) })
    return WAIT
  }

  #giveUp(): Answer {
    this.#keyed.count('in-progress')
    return inProgress
  }
}

/** What is kept of an answer while the body of its duplicate comes, bytes; a larger one is read again. */
const keptBytes = 4 * 1024

/** Whether it becomes no other, and is small enough to be kept by as many as may send their bodies slowly. */
function isFinal(found: Lookup): found is DoneRecord {
  return found.kind === 'done' && (found.answer.body?.length ?? 0) <= keptBytes
}

/** Whether the request is the recorded one, in whatever way that was fingerprinted. */
function isSame(keyed: Keyed, recorded: string): boolean {
  if (keyed.fingerprint === recorded) return true
  const way = wayOfRecorded(recorded)
  return way !== null && way !== keyed.route.way && keyed.fingerprintBy(way) === recorded
}

/** What differs, for the bearer of the credential that sent the first request; nothing for anybody else. */
function differencesFrom(keyed: Keyed, { fingerprint, credential }: RecordFacts): readonly PartName[] {
  if (credential === '' || credential !== keyed.credential) return []
  const way = wayOfRecorded(fingerprint)
  return way === null ? [] : differencesOf(keyed.fingerprintBy(way), fingerprint)
}
