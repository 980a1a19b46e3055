// HOT PATH — runs for every answer. Rules: docs/decisions/0004.
// When a breaker trips. The first rule asks whether more than half of what is asked fails, as surely as can be said of
// the calls there were: no volume to guess. The second is the classic one: so many failures within so much time.

import { wilsonLower } from './wilson.ts'

/** Takes the endings of calls; says when they are enough. */
export interface TripRule {
  /** `ok` and `failed` are weights, 0 to 1. True: trip. */
  note(ok: number, failed: number, now: number): boolean
  /** Forgets everything. */
  reset(): void
  /** What is known, in a few words for status. */
  describe(): string
}

/** Calls that a memory holds at least, and the time it lasts at least and at most, ms, all as half-lives. */
const memoryCalls = 8
/** Shorter, and a blip of a busy service (a connection pool that is emptied) would be a verdict. */
const shortestMs = 1_000
const longestMs = 300_000
/** Weight of the newest gap in the mean gap between calls. */
const gapWeight = 1 / 8
/** How much more than at the present rate a memory may hold: gaps are uneven. */
const slack = 1.25
/** More than half has to fail: below it callers are better served with the rest than with nothing. */
const tripShare = 0.5

/**
 * Wilson's lower bound over counts that decay. The half-life follows the rate of calls: with a fixed one, 0.2 calls a
 * second never make up enough evidence, and at 5,000 a second the good past outweighs the outage for its whole length.
 */
export class FailureEvidence implements TripRule {
  #ok = 0
  #failed = 0
  #at = -1
  #gapMs = 0

  note(ok: number, failed: number, now: number): boolean {
    if (this.#at >= 0) this.#age(now - this.#at)
    this.#at = now
    this.#ok += ok
    this.#failed += failed
    return failed > 0 && wilsonLower(this.#failed, this.#ok + this.#failed) > tripShare
  }

  reset(): void {
    this.#ok = 0
    this.#failed = 0
    this.#at = -1
    this.#gapMs = 0
  }

  describe(): string {
    return `${this.#failed.toFixed(1)} of ${(this.#ok + this.#failed).toFixed(1)} failed`
  }

  #age(elapsedMs: number): void {
    // One long silence is no rate: it counts as the longest gap that a memory can bridge.
    const gap = Math.min(elapsedMs, longestMs / memoryCalls)
    this.#gapMs = this.#gapMs === 0 ? gap : this.#gapMs + (gap - this.#gapMs) * gapWeight
    const halfLifeMs = Math.min(longestMs, Math.max(shortestMs, memoryCalls * this.#gapMs))
    const kept = 2 ** (-elapsedMs / halfLifeMs)
    // Calls that come rarer weigh as much as those that came thick before: what was is no longer what is.
    const most = slack * halfLifeMs / (this.#gapMs * Math.LN2)
    const scale = Math.min(kept, most / (this.#ok + this.#failed))
    this.#ok *= scale
    this.#failed *= scale
  }
}

/** So many failures within so much time, whatever else succeeded. */
export class FailureWindow implements TripRule {
  readonly #failures: number
  readonly #windowMs: number
  /** When, and how much each counts; the oldest first. Bounded: half failures are the lightest there are. */
  readonly #seen: { readonly at: number; readonly weight: number }[] = []
  #sum = 0

  constructor(failures: number, windowMs: number) {
    this.#failures = failures
    this.#windowMs = windowMs
  }

  note(_ok: number, failed: number, now: number): boolean {
    if (failed === 0) return false
    const seen = this.#seen
    seen.push({ at: now, weight: failed })
    this.#sum += failed
    while (seen.length > 0 && (seen[0] as { at: number }).at <= now - this.#windowMs) {
      this.#sum -= (seen.shift() as { weight: number }).weight
    }
    return this.#sum >= this.#failures
  }

  reset(): void {
    this.#seen.length = 0
    this.#sum = 0
  }

  describe(): string {
    return `${this.#sum} failures within ${this.#windowMs} ms`
  }
}
