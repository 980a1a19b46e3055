// The learned limit: it keeps a little more in flight than the upstream needs for its full throughput. It finds out how
// much that is by experiment: now and then it lowers the limit for a moment and sees whether the answers get faster
// (then they had queued inside the upstream) or stay as slow (then that is how long the work takes).
//
//   baseline  what answers took at about 0.7 of the limit, by Little's law over a window
//   law       limit = headroom · in flight · baseline / mean time + √limit / 2, moved half-way each window
//
// Where n slots are saturated the law settles at about 1.25 n + √n / 2, and a baseline that was learned in a queue
// shrinks with every probe, since 0.7 of the limit is less than the law would add: nothing can ratchet upwards. Where
// every further request makes all slower, it settles where more concurrency stops paying. Of errors it knows only
// explicit signals of overload. All its constants are counts and ratios, but for the shortest window.

import { Brake } from './limit-brake.ts'
import { LimitReturn } from './limit-return.ts'
import { LimitTrial } from './limit-trial.ts'
import { LimitWindow } from './limit-window.ts'
import type { Limit, LimitLesson, ProbingOptions } from './limit.ts'
import { hasGlimpse, isTelling, law, lawfulLimit, serviceMs, weightOf } from './probing-law.ts'
import type { Phase } from './probing-law.ts'
import { ProbePace } from './probe-pace.ts'
import { UsualPace } from './usual-pace.ts'

export class ProbingLimit implements Limit {
  limit: number
  baselineMs = 0
  phase: Phase = 'cruise'
  #options: ProbingOptions
  readonly #window = new LimitWindow()
  readonly #brake = new Brake()
  readonly #return = new LimitReturn()
  readonly #pace = new ProbePace()
  readonly #usual = new UsualPace()
  readonly #trial = new LimitTrial()
  /** Endings to wait for until what was in flight at the last change is gone. */
  #settling = 0
  /** Throughput that the limit allows, over some windows of cruising, endings a ms. */
  #throughput = 0
  /** Windows in a row without a queue though the limit binds. */
  #free = 0
  /** What the last probes said: 0 they queued, 1 they did not. */
  #elasticity = 0.5
  /** The last probe has found the baseline far too high. */
  #isFalling = false
  /** A probe has got below the knee. Until then the baseline is a guess, and probes follow at once. */
  #isProven = false
  /** Windows until the next trial may begin; longer after each that found nothing. */
  #untilTrial: number = law.trialPause
  #trialPause = law.trialPause
  #isLastTry = false
  #isStarted = false
  #peakInFlight = 0

  constructor(options: ProbingOptions) {
    this.#options = options
    this.limit = options.initial
  }

  /** Other bounds from now on; what was learned stays. */
  bound(options: ProbingOptions): void {
    this.#options = options
    this.#set(this.limit)
  }

  /** The proxy itself was held up: what this window and those in flight say of the upstream is wrong. */
  disturb(now: number): void {
    if (this.#window.discard(now)) this.#settle()
  }

  observe(inFlight: number, isBinding: boolean, now: number): void {
    this.#window.observe(inFlight, isBinding, now)
  }

  learn(lesson: LimitLesson, latencyMs: number, now: number): void {
    const window = this.#window
    window.learn(lesson, latencyMs, now)
    if (window.lost > law.samples && window.lost > 20 * window.endings) this.#collapse(now)
    else if (this.#settling > 0) {
      if (--this.#settling === 0) window.restart(now)
    } else if (this.#isComplete()) this.#close(now)
  }

  #isComplete(): boolean {
    const window = this.#window
    if (window.elapsedMs < this.#options.minWindowMs) return false
    return isTelling(window, this.phase, this.#return.isOn)
      || (hasGlimpse(window, this.phase) && this.#usual.isSlower(window))
  }

  #close(now: number): void {
    const window = this.#window
    const before = this.limit
    this.#untilTrial = Math.max(0, this.#untilTrial - 1)
    this.#peakInFlight = Math.max(window.peak, this.#peakInFlight * 0.99)
    const braked = this.#brake.decide(window, this.limit)
    if (this.#brake.isOutage) this.#return.begin(before)
    const decided = braked > 0 ? braked : this.#return.next(window, this.limit, this.baselineMs)
    if (decided > 0) {
      this.phase = 'cruise'
      this.#set(decided)
    } else if (window.useful > 0) {
      this.#decide(window.meanMs)
      this.#usual.learn(window)
    }
    if (Math.abs(this.limit - before) > 0.1 * before) this.#settle()
    window.open(now)
  }

  #decide(meanMs: number): void {
    const { phase } = this
    this.phase = 'cruise'
    if (phase === 'probe') this.#judgeProbe(meanMs)
    else if (phase === 'shrink') this.#judgeShrink(meanMs)
    else if (phase === 'trial') this.#judgeTrial(meanMs)
    else if (phase !== 'cruise') this.#look(phase, meanMs)
    else if (this.#window.bindingRatio < 0.3) this.#idle(meanMs)
    else if (!this.#isStarted && this.baselineMs === 0 && this.limit <= law.guess) this.#start(meanMs)
    else this.#cruise(meanMs)
  }

  /** A first limit is a guess, and most upstreams can do far more. */
  #start(meanMs: number): void {
    this.#isStarted = true
    this.#begin('trial', law.trialTo * this.limit, meanMs)
  }

  /** Demand, not the limit, decides how many are in flight: keep the limit near the need, and learn slowly. */
  #idle(meanMs: number): void {
    // One window in which the upstream stood still must not be taken for how long the work takes.
    const { baselineMs } = this
    this.baselineMs = baselineMs === 0 ? meanMs : 0.8 * baselineMs + 0.2 * Math.min(meanMs, 2 * baselineMs)
    this.#set(Math.min(this.limit, Math.max(this.#options.initial, 4 * this.#peakInFlight)))
  }

  #cruise(meanMs: number): void {
    const window = this.#window
    this.#lowerBaseline(meanMs)
    if (this.#untilTrial === 0 && this.#usual.isChanged(window)) return this.#go('look')
    // Where the limit binds for a part of the time only, throughput says what was asked for, not what can be had.
    const inFlight = Math.max(window.meanInFlight, Math.floor(this.limit))
    this.#throughput += (this.#throughput === 0 ? 1 : 0.4) * (inFlight / meanMs - this.#throughput)
    const usualMs = inFlight / this.#throughput
    // A probe under a limit that binds now and then only would refuse who could have been served.
    const isDue = this.#pace.isDue() && this.#free === 0 && window.bindingRatio > 0.8
    const probeTo = this.#isFalling ? law.fallTo : this.limit < law.few ? law.probeFewTo : law.probeTo
    if (isDue) return this.#begin('probe', this.limit * probeTo, usualMs)
    this.#free = meanMs < 1.1 * this.baselineMs && window.bindingRatio > 0.5 ? this.#free + 1 : 0
    if (this.#free > 1) return this.#set(law.stride * this.limit)
    const next = this.#byLaw()
    if (next < 0.8 * this.limit) return this.#begin('shrink', next, usualMs)
    this.#set(this.limit + law.pace * (next - this.limit))
  }

  /** Nothing can take longer without a queue than it took with one: a baseline above what is seen is wrong. */
  #lowerBaseline(meanMs: number): void {
    const { baselineMs } = this
    if (baselineMs !== 0 && (meanMs > 0.8 * baselineMs || this.#window.errorsFrom(baselineMs) < law.certain)) return
    this.baselineMs = meanMs
  }

  #byLaw(): number { return lawfulLimit(this.limit, this.#throughput, this.baselineMs) }

  #begin(phase: Phase, limit: number, meanMs: number): void {
    this.#trial.begin(this.#window, this.limit, meanMs)
    this.#isLastTry = false
    this.phase = phase
    // A probe may go below the least limit: for a moment one in flight is enough.
    this.limit = Math.min(this.#options.max, Math.max(1, limit))
  }

  #judgeShrink(meanMs: number): void {
    if (this.#trial.elasticity(this.#window) < 0.6 || meanMs < 1.3 * this.baselineMs) return
    // It did not help: that is how long the work takes now. A step too small to be sure is believed in part.
    const isSure = this.#trial.isTelling(this.#window)
    this.baselineMs += (isSure ? 1 : 0.3) * (meanMs - this.baselineMs)
    if (isSure) this.#set(this.#trial.limit)
  }

  #look(phase: 'look' | 'again', meanMs: number): void {
    this.#throughput = 0
    if (this.#window.bindingRatio <= 0.5) return
    if (phase === 'again' || this.#usual.isSlower(this.#window)) this.#begin('trial', law.trialTo * this.limit, meanMs)
  }

  #judgeTrial(meanMs: number): void {
    if (this.#trial.hasHelped(this.#window)) {
      // The work itself takes longer, and more of it at once is done in the same time: go on while that is needed.
      this.baselineMs = meanMs
      this.#usual.reset(meanMs)
      this.#trialPause = law.trialPause
      if (this.#trial.isMet(this.#window)) return this.#go('again')
      return this.#begin('trial', law.trialTo * this.limit, meanMs)
    }
    if (this.#trial.isMet(this.#window) && !this.#isLastTry) {
      // Those in flight may still be on their way up to the limit: one more window will tell.
      this.#isLastTry = true
      return this.#go('trial')
    }
    this.#pace.hurry()
    this.#untilTrial = this.#trialPause
    this.#trialPause = Math.min(law.trialPauseMost, 2 * this.#trialPause)
    this.#set(this.#trial.limit)
  }

  #judgeProbe(meanMs: number): void {
    const ratio = meanMs / this.baselineMs
    const errors = this.#window.errorsFrom(this.baselineMs)
    const elasticity = this.#trial.elasticity(this.#window)
    const isNews = errors > law.certain / 4 || this.#elasticity < law.queueing || this.#elasticity > law.free
    this.#pace.probed(isNews)
    this.#isProven ||= elasticity > 0.3
    this.#isFalling = !this.#isProven || (ratio < 0.9 && elasticity < 0.5 && errors > law.likely)
    if (this.#isFalling) {
      // The baseline was learned in a queue, and this may be one, too: stay here and go on at once.
      this.baselineMs = meanMs
      this.#pace.hurry()
      return
    }
    // Slower, and yet there is a queue: the law goes further down by itself.
    if (ratio > 1.35 && elasticity < 0.5) return
    this.#lowerBaseline(meanMs)
    this.#elasticity += 0.4 * (Math.min(1, Math.max(0, elasticity)) - this.#elasticity)
    const saidMs = serviceMs(this.#elasticity, meanMs, this.#trial.meanMs)
    this.baselineMs += weightOf(this.#elasticity, ratio) * (saidMs - this.baselineMs)
    this.limit = this.#trial.limit
    this.#set(this.#elasticity > law.free ? law.stride * this.limit : this.#byLaw())
  }

  /** Nobody waits long enough to be answered: nothing is left to learn from, and nothing to lose. */
  #collapse(now: number): void {
    this.phase = 'cruise'
    this.#set(0.3 * Math.min(this.limit, this.#window.peak))
    this.baselineMs = 0
    this.#isProven = false
    this.#usual.reset(0)
    this.#pace.hurry()
    this.#settle()
    this.#window.open(now)
  }

  #settle(): void {
    // A raised limit has yet to be filled: twice the endings.
    this.#settling = Math.max(1, Math.round((this.phase === 'trial' ? 2 : 1) * this.#window.inFlight))
  }

  #go(phase: Phase): void { this.phase = phase }

  #set(limit: number): void {
    this.limit = Math.min(this.#options.max, Math.max(this.#options.min, limit))
  }
}
