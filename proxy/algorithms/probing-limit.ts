// The learned limit: it keeps a little more in flight than the upstream needs for its full throughput. It finds out how
// much that is by experiment: now and then it lowers the limit for a moment and sees whether the answers get faster
// (then they had queued inside the upstream) or stay as slow (then that is how long the work takes).
//
//   baseline  what answers took at about 0.7 of the limit, by Little's law over a window
//   law       limit = headroom · in flight · baseline / mean time + √limit / 2, moved half-way each window
//
// Where n slots are saturated the law settles at about 1.25 n + √n / 2, and a baseline that was learned in a queue
// shrinks with every probe, since 0.7 of the limit is less than the law would add. All constants are counts and ratios.

import { Brake } from './limit-brake.ts'
import { LimitClimb } from './limit-climb.ts'
import { LimitReturn } from './limit-return.ts'
import { LimitTrial } from './limit-trial.ts'
import { LimitWindow } from './limit-window.ts'
import type { Limit, LimitLesson, ProbingOptions } from './limit.ts'
import {
  hasGlimpse, isBindingFor, isTelling, law, lawfulLimit, least, loweredMs, metLimit, probePart,
} from './probing-law.ts'
import type { Phase } from './probing-law.ts'
import { ProbeFindings } from './probe-findings.ts'
import { ProbePace } from './probe-pace.ts'
import { UsualPace } from './usual-pace.ts'

export class ProbingLimit implements Limit {
  limit: number
  baselineMs = 0
  phase: Phase = 'climb'
  #options: ProbingOptions
  readonly #window = new LimitWindow()
  readonly #brake = new Brake()
  readonly #climb = new LimitClimb()
  readonly #return = new LimitReturn()
  readonly #pace = new ProbePace()
  readonly #usual = new UsualPace()
  readonly #trial = new LimitTrial()
  readonly #findings = new ProbeFindings()
  /** Endings to wait for until what was in flight at the last change is gone. */
  #settling = 0
  /** Throughput that the limit allows, over some windows of cruising, endings a ms. */
  #throughput = 0
  /** Windows in a row without a queue though the limit binds. */
  #free = 0
  /** Windows until the next trial may begin; longer after each that found nothing. */
  #untilTrial: number = law.trialPause
  #trialPause = law.trialPause
  #isLastTry = false
  #peakInFlight = 0

  constructor(options: ProbingOptions) {
    this.#options = options
    this.limit = options.initial
    if (this.limit > law.guess || this.limit >= options.max) this.#climb.end()
    this.#rest()
  }

  /** Another of its kind has learned how long an answer takes, ms. */
  trust(baselineMs: number): void {
    this.baselineMs = baselineMs
    this.#climb.end()
    this.#rest()
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
    // The reference of a climb begins with a limit that binds, and not with the time before the first request.
    const isFirst = isBinding && !this.#window.hasBound && this.phase === 'climb' && !this.#climb.isOn
    this.#window.observe(inFlight, isBinding, now)
    if (isFirst) this.#window.restart(now)
  }

  learn(lesson: LimitLesson, latencyMs: number, now: number): void {
    const window = this.#window
    window.learn(lesson, latencyMs, now)
    if (window.lost > Math.max(2 * least, window.inFlight) && window.lost > 8 * window.endings) this.#collapse(now)
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
      this.#rest()
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
    this.#rest()
    if (phase === 'probe') this.#judgeProbe()
    else if (phase === 'shrink') this.#judgeShrink(meanMs)
    else if (phase === 'trial') this.#judgeTrial(meanMs)
    else if (phase === 'look' || phase === 'again') this.#look(phase, meanMs)
    else if (!this.#climb.isOn && !isBindingFor(this.#window, phase)) this.#idle(meanMs)
    else if (phase === 'climb') this.#climbOn()
    else this.#cruise(meanMs)
  }

  /** A first limit is a guess, and most upstreams can do far more. */
  #climbOn(): void {
    const climb = this.#climb
    const next = climb.next(this.#window, this.limit, this.#findings.isProven ? this.baselineMs : 0)
    if (climb.steps > 0 || !this.#findings.isProven) this.baselineMs = climb.meanMs
    if (!climb.isAhead) this.#pace.hurry()
    this.#set(next)
    this.#rest()
  }

  /** Demand, not the limit, decides how many are in flight: keep the limit near the need, and learn slowly. */
  #idle(meanMs: number): void {
    // One window in which the upstream stood still must not be taken for how long the work takes.
    const { baselineMs } = this
    this.baselineMs = baselineMs === 0 ? meanMs : 0.8 * baselineMs + 0.2 * Math.min(meanMs, 2 * baselineMs)
    this.#set(Math.min(this.limit, Math.max(this.#options.initial, 4 * this.#peakInFlight)))
    // It is what answers take with room to spare: a probe need not find it out at once.
    this.#findings.isProven = true
    this.#pace.rest()
  }

  #cruise(meanMs: number): void {
    const window = this.#window
    this.baselineMs = loweredMs(window, this.baselineMs)
    if (this.#untilTrial === 0 && this.#usual.isChanged(window)) return this.#go('look')
    // Where the limit binds for a part of the time only, throughput says what was asked for, not what can be had.
    const inFlight = Math.max(window.meanInFlight, Math.floor(this.limit))
    this.#throughput += (this.#throughput === 0 ? 1 : 0.4) * (inFlight / meanMs - this.#throughput)
    const usualMs = inFlight / this.#throughput
    // A probe under a limit that binds now and then only would refuse who could have been served.
    const isFull = window.bindingRatio > 0.8 && window.first > 0.8 * Math.floor(this.limit)
    const isDue = this.#pace.isDue() && this.#free === 0 && isFull
    if (isDue) return this.#begin('probe', this.limit * probePart(this.limit, this.#findings.isFalling), usualMs)
    this.#free = meanMs < 1.1 * this.baselineMs && window.bindingRatio > 0.5 ? this.#free + 1 : 0
    if (this.#free > 1) return this.#set(law.stride * this.limit)
    const next = this.#byLaw()
    if (next < 0.8 * this.limit) return this.#begin('shrink', next, usualMs)
    this.#set(this.limit + law.pace * (next - this.limit))
  }

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
    if (phase === 'again' || this.#usual.isChanged(this.#window)) this.#begin('trial', law.trialTo * this.limit, meanMs)
  }

  #judgeTrial(meanMs: number): void {
    if (this.#trial.hasHelped(this.#window)) {
      // The work itself takes longer, and more of it at once is done in the same time: go on while that is needed.
      this.baselineMs = meanMs
      this.#usual.reset(meanMs)
      this.#trialPause = law.trialPause
      if (this.#window.isMet && this.#window.peak < 0.9 * this.limit) return this.#go('again')
      return this.#begin('trial', law.trialTo * this.limit, meanMs)
    }
    if (this.#window.isMet && !this.#isLastTry) {
      // Those in flight may still be on their way up to the limit: one more window will tell.
      this.#isLastTry = true
      return this.#go('trial')
    }
    if (this.#window.isMet && !this.#trial.isWider(this.#window)) {
      // Hardly more are in flight: nothing to fear, and nothing found out.
      return this.#set(metLimit(this.#window, this.#trial.limit, this.limit))
    }
    this.#pace.hurry()
    this.#untilTrial = this.#trialPause
    this.#trialPause = Math.min(law.trialPauseMost, 2 * this.#trialPause)
    this.#set(this.#trial.limit)
  }

  #judgeProbe(): void {
    const findings = this.#findings
    this.baselineMs = findings.judge(this.#window, this.#trial, this.baselineMs)
    this.#pace.probed(findings.isNews)
    if (findings.isFalling) this.#pace.hurry()
    if (findings.staysDown) return
    this.limit = this.#trial.limit
    this.#set(findings.isFree ? law.stride * this.limit : this.#byLaw())
  }

  /** Nobody waits long enough to be answered: nothing is left to learn from, and nothing to lose. */
  #collapse(now: number): void {
    this.#set(0.5 * Math.min(this.limit, this.#window.peak))
    this.baselineMs = 0
    this.#findings.isProven = false
    this.#usual.reset(0)
    this.#pace.hurry()
    this.#settle()
    this.#window.open(now)
    if (this.limit <= law.guess) this.#climb.renew()
    this.#rest()
  }

  #settle(): void {
    // A raised limit has yet to be filled: twice the endings.
    this.#settling = Math.max(1, Math.round((this.phase === 'trial' ? 2 : 1) * this.#window.inFlight))
  }

  #byLaw(): number { return lawfulLimit(this.limit, this.#throughput, this.baselineMs) }
  #go(phase: Phase): void { this.phase = phase }
  #rest(): void { this.phase = this.#climb.isAhead ? 'climb' : 'cruise' }

  #set(limit: number): void {
    this.limit = Math.min(this.#options.max, Math.max(this.#options.min, limit))
  }
}
