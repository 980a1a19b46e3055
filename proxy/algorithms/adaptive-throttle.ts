// HOT PATH — runs for every attempt of a route that has it. Rules: docs/decisions/0004.
// Client-side throttling after the SRE book (chapter 21): the less an upstream accepts, the less it is asked, down to a
// trickle, so that its own refusals do not become its load. It has no states and nobody waits in it.

import type { Lesson } from '../core/outcome-matrix.ts'
import type { Random } from '../core/random.ts'

/**
 * Half-life of both counters, ms. The book's two minutes refuse for two minutes after the upstream is well; with
 * factor 2 the share let through grows e-fold per 1.44 half-lives, so that 5 % become all within ten seconds.
 */
const halfLifeMs = 1_500
/** Requests that may fail without anybody noticing: at low rates the breaker decides alone. */
const padding = 5
/** At most this part is refused: whoever asks nothing learns nothing. */
const mostRefused = 0.95
/** One attempt in this time is let through whatever the dice say, ms. */
const probeMs = 1_000

export class AdaptiveThrottle {
  readonly #random: Random
  #factor: number
  #requests = 0
  #accepts = 0
  #agedAt = 0
  #passedAt: number

  /** `factor`: requests per accepted one before any is refused, above 1. */
  constructor(factor: number, random: Random, now: number) {
    this.#factor = factor
    this.#random = random
    this.#passedAt = now
  }

  configure(factor: number): void { this.#factor = factor }

  /** Whether this attempt may be made. A refusal counts as a request: many who want in are a reason to keep out. */
  admit(now: number): boolean {
    const refused = this.refusedShare(now)
    if (refused > 0 && now - this.#passedAt < probeMs && this.#random() < refused) {
      this.#requests++
      return false
    }
    this.#passedAt = now
    return true
  }

  /** How an attempt ended that was let through. */
  note(lesson: Lesson['throttle'], now: number): void {
    if (lesson === 'none') return
    this.#age(now)
    this.#requests++
    if (lesson === 'accept') this.#accepts++
  }

  /** The part of attempts that is refused now, 0 to 0.95. */
  refusedShare(now: number): number {
    this.#age(now)
    const excess = this.#requests - this.#factor * this.#accepts - padding
    return excess <= 0 ? 0 : Math.min(mostRefused, excess / (this.#requests + 1))
  }

  #age(now: number): void {
    if (now <= this.#agedAt) return
    const kept = 2 ** ((this.#agedAt - now) / halfLifeMs)
    this.#agedAt = now
    this.#requests *= kept
    this.#accepts *= kept
  }
}
