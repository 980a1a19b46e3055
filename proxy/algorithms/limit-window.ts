// Adds up what a limit observes between two of its decisions: the time integral of what is in flight, useful endings,
// signals of overload, and for how much of the time the limit was binding. It decides nothing.

import type { LimitLesson } from './limit.ts'
import { Spread } from './spread.ts'

/** Windows in a row that may be thrown away: who is always held up has nothing else to learn from. */
const mostDiscards = 4

export class LimitWindow {
  inFlight = 0
  isBinding = false
  /** Whether it has been binding since the last window was closed. */
  hasBound = false
  /** In flight when it was opened, and the most since. */
  first = 0
  peak = 0
  /** Endings that were useful work. */
  useful = 0
  /** Signals of overload, weak ones by half. */
  overloads = 0
  /** Endings that say anything. */
  endings = 0
  /** Attempts that were given up without saying anything: their callers left early. */
  lost = 0
  openedAt = 0
  readonly #spread = new Spread()
  #discards = 0
  #integral = 0
  #bindingMs = 0
  #at = 0

  /** Starts afresh without having been used; false: too often in a row, there is nothing better to be had. */
  discard(now: number): boolean {
    if (++this.#discards > mostDiscards) return false
    this.restart(now)
    return true
  }

  /** Starts afresh; what is in flight stays, and so does what is known of how uneven answers are. */
  open(now: number): void {
    this.#discards = 0
    this.hasBound = this.isBinding
    this.restart(now)
  }

  /** Starts afresh when what was in flight at the start is gone. */
  restart(now: number): void {
    this.#spread.close()
    this.openedAt = now
    this.first = this.inFlight
    this.peak = this.inFlight
    this.useful = 0
    this.overloads = 0
    this.endings = 0
    this.lost = 0
    this.#integral = 0
    this.#bindingMs = 0
    this.#at = now
  }

  observe(inFlight: number, isBinding: boolean, now: number): void {
    this.#advance(now)
    this.inFlight = inFlight
    this.isBinding = isBinding
    this.hasBound ||= isBinding
    if (inFlight > this.peak) this.peak = inFlight
  }

  learn(lesson: LimitLesson, latencyMs: number, now: number): void {
    if (lesson.sample === 'no' && lesson.brake === 'no') {
      if (lesson.breaker === 'ignorable') this.lost++
      return
    }
    this.#advance(now)
    this.endings++
    if (lesson.brake !== 'no') this.overloads += lesson.brake === 'weak' ? 0.5 : 1
    else if (lesson.sample === 'yes') {
      this.useful++
      this.#spread.learn(latencyMs)
    }
  }

  /** ms since it was opened, up to the last call. */
  get elapsedMs(): number { return this.#at - this.openedAt }

  /** Mean number in flight. */
  get meanInFlight(): number { return this.elapsedMs > 0 ? this.#integral / this.elapsedMs : this.inFlight }

  /** Useful endings a ms. */
  get throughput(): number { return this.elapsedMs > 0 ? this.useful / this.elapsedMs : 0 }

  /**
   * Mean time inside the upstream by Little's law, ms: it counts what is still running, so an upstream that answers
   * only its fast requests does not look fast. Infinity while nothing useful has ended.
   */
  get meanMs(): number { return this.useful > 0 ? this.#integral / this.useful : Infinity }

  /** The part of the time that the limit was binding. */
  get bindingRatio(): number { return this.elapsedMs > 0 ? this.#bindingMs / this.elapsedMs : 0 }

  /** Nobody had to wait: there is nothing to show what more would bring. */
  get isMet(): boolean { return this.bindingRatio < 0.1 }

  /** How uneven answers are of late: 1 where their times are exponential. */
  get unevenness(): number { return this.#spread.ratio }

  /** Uneven work needs this many times as much of it for a mean that says as much. */
  get noise(): number { return Math.max(1, this.#spread.ratio) }

  /** Whether its statistics can say something: `samples` of even work, and no more than so many `turnovers`. */
  hasEnough(samples: number, turnovers: number): boolean {
    const { noise, meanInFlight } = this
    const enough = Math.min(Math.max(samples * noise, 2 * meanInFlight), turnovers * noise * meanInFlight)
    return this.endings >= enough || this.lost > 4 * enough
  }

  /** How far the mean time is from `meanMs`, in squared standard errors. */
  errorsFrom(meanMs: number): number {
    return this.endings * Math.log(this.meanMs / meanMs) ** 2 / this.#spread.ratio
  }

  /** Callers leave before they are answered: what is seen is what was quick enough, and no ground for more. */
  get isLosing(): boolean { return this.lost > 0.1 * this.endings }

  #advance(now: number): void {
    const passedMs = Math.max(0, now - this.#at)
    this.#integral += this.inFlight * passedMs
    if (this.isBinding) this.#bindingMs += passedMs
    this.#at = now
  }
}
