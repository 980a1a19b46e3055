// The learned limit: it keeps a little more in flight than the upstream needs for its full throughput. It finds out how
// much that is by experiment: now and then it lowers the limit for a moment and sees whether the answers get faster
// (then they had queued inside the upstream) or stay as slow (then that is how long the work takes).
//
//   baseline  what answers took at about 0.7 of the limit, by Little's law over a window
//   law       limit = headroom · in flight · baseline / mean time + √limit / 2, moved half-way each window
//
// Where n slots are saturated the law settles at about 1.1 n + √n / 2, and a baseline that was learned in a queue shrinks
// with every probe, since 0.7 of the limit is less than the law would add: nothing can ratchet upwards. Where every
// further request makes all slower, it settles where more concurrency stops paying. It does not look at error rates
// except at explicit signals of overload, and all its constants are counts and ratios, except the shortest window.

import { Brake } from './limit-brake.ts'
import { LimitWindow } from './limit-window.ts'
import type { Limit, LimitBounds, LimitLesson } from './limit.ts'

export interface ProbingOptions extends LimitBounds {
  /** The shortest window, ms: below it the clock and the event loop are the noise. */
  readonly minWindowMs: number
}

/** Constants of the law; options of experiments, not of users. */
export const law = {
  /** Mean time allowed over the baseline. */
  headroom: 1.18,
  /** Part of √limit that is added: what chance needs so that no slot runs dry. */
  spare: 0.5,
  /** How far a window moves the limit towards what the law says. */
  pace: 0.5,
  /** Growth a window while answers are as fast as the baseline though the limit binds: there is no queue to fear. */
  stride: 1.4,
  /** A probe lowers the limit to this part, or to the smaller one where few are in flight. */
  probeTo: 0.7,
  probeFewTo: 0.65,
  few: 6,
  /** Below this elasticity the probes themselves queue: the baseline is taken to be that much less than they say. */
  queueing: 0.2,
  shade: 0.88,
  /** Windows of cruising between two probes: at first, and after many that found nothing new. */
  probeAfter: 5,
  probeAfterMost: 20,
  /** Endings that make a window. */
  samples: 64,
  turnovers: 8,
  /** Squared standard errors from which on a mean is no chance: somewhat over four of them. */
  certain: 20,
  /** Less than this part of the usual throughput at a longer mean time is a change of the upstream. */
  suspicious: 0.75,
  /** Windows between two trials: at first, and after many that found nothing. */
  trialPause: 20,
  /** A trial raises the limit to this many times: the wider, the clearer its answer. */
  trialTo: 3,
  trialPauseMost: 640,
}

type Phase =
  /** Follows the law. */
  | 'cruise'
  /** Has lowered the limit for a moment. */
  | 'probe'
  /** Something has changed: measures it undisturbed, before it goes on with a trial. */
  | 'look'
  /** Has raised it, to tell a slow upstream from a full one. */
  | 'trial'
  /** The law has lowered it by much: what follows says whether that helps. */
  | 'shrink'

export class ProbingLimit implements Limit {
  limit: number
  baselineMs = 0
  phase: Phase = 'cruise'
  readonly #options: ProbingOptions
  readonly #window = new LimitWindow()
  readonly #brake = new Brake()
  /** Endings to wait for until what was in flight at the last change is gone. */
  #settling = 0
  /** What was measured before the last change of phase. */
  #before = { limit: 0, inFlight: 0, meanMs: 0 }
  /** Windows in a row without a queue. */
  #free = 0
  /** What the last probes said: 0 they queued, 1 they did not. */
  #elasticity = 0.5
  #sinceProbe = 0
  #probeAfter = law.probeAfter
  /** Windows until the next trial may begin; longer after each that found nothing. */
  #untilTrial = 0
  #trialPause = law.trialPause
  /** Throughput over some windows of cruising, endings a ms: what the law works with. */
  #throughput = 0
  /** The same over many windows, binding or not, and the mean time that went with it. */
  #usualThroughput = 0
  #usualMs = 0
  #peakInFlight = 0

  constructor(options: ProbingOptions) {
    this.#options = options
    this.limit = options.initial
    // The first binding window is followed by a probe: a baseline learned before any is a guess.
    this.#sinceProbe = Infinity
  }

  observe(inFlight: number, isBinding: boolean, now: number): void {
    this.#window.observe(inFlight, isBinding, now)
  }

  learn(lesson: LimitLesson, _latencyMs: number, now: number): void {
    const window = this.#window
    window.learn(lesson, now)
    if (this.#settling > 0) {
      if (--this.#settling === 0) window.open(now)
      return
    }
    if (this.#isComplete()) this.#close(now)
  }

  #isComplete(): boolean {
    const window = this.#window
    const { endings, elapsedMs } = window
    if (endings < 8 || elapsedMs < this.#options.minWindowMs) return false
    const enough = Math.max(law.samples, 2 * window.meanInFlight)
    if (endings >= enough || endings >= law.turnovers * window.meanInFlight) return true
    // What is far off needs few samples to be seen.
    return this.#isLonger()
  }

  /** The mean time is longer than usual, beyond chance. */
  #isLonger(): boolean {
    if (this.#usualMs === 0) return false
    const distance = Math.log(this.#window.meanMs / this.#usualMs)
    return distance > 0 && this.#window.endings * distance * distance > law.certain
  }

  #close(now: number): void {
    const window = this.#window
    const { meanMs, throughput } = window
    const before = this.limit
    if (this.#untilTrial > 0) this.#untilTrial--
    this.#peakInFlight = Math.max(window.peak, this.#peakInFlight * 0.99)
    const braked = this.#brake.decide(window, this.limit)
    if (braked !== 0) {
      this.phase = 'cruise'
      this.#set(braked)
    } else if (meanMs !== Infinity) {
      if (this.phase !== 'cruise') this.#judge(meanMs)
      else if (window.bindingRatio < 0.3) this.#idle(meanMs)
      else this.#cruise(meanMs, throughput)
      this.#remember(meanMs, throughput)
    }
    const change = Math.abs(this.limit - before)
    if (change > 0.1 * before) this.#settling = Math.max(1, Math.round(window.inFlight))
    window.open(now)
  }

  /** Demand, not the limit, decides how many are in flight: keep the limit near the need, and learn slowly. */
  #idle(meanMs: number): void {
    const { initial } = this.#options
    if (this.baselineMs === 0) this.baselineMs = meanMs
    else this.baselineMs += 0.2 * (meanMs - this.baselineMs)
    this.#set(Math.min(this.limit, Math.max(initial, 4 * this.#peakInFlight)))
  }

  #cruise(meanMs: number, throughput: number): void {
    if (this.baselineMs === 0) this.baselineMs = meanMs
    if (this.#untilTrial === 0 && throughput < law.suspicious * this.#usualThroughput && this.#isLonger()) {
      this.phase = 'look'
      return
    }
    // Where the limit binds for a part of the time only, throughput says what was asked for, not what can be had.
    const inFlight = this.#window.meanInFlight
    const possible = throughput * Math.max(1, Math.floor(this.limit) / inFlight)
    this.#throughput += (this.#throughput === 0 ? 1 : 0.4) * (possible - this.#throughput)
    const usualMs = Math.max(inFlight, Math.floor(this.limit)) / this.#throughput
    if (++this.#sinceProbe > this.#probeAfter && this.#free === 0) return this.#begin('probe', this.#probeTarget(), usualMs)
    this.#free = meanMs < 1.1 * this.baselineMs && this.#window.bindingRatio > 0.5 ? this.#free + 1 : 0
    if (this.#free > 1) return this.#set(law.stride * this.limit)
    const next = this.#byLaw()
    if (next < 0.8 * this.limit) return this.#begin('shrink', next, usualMs)
    this.#set(this.limit + law.pace * (next - this.limit))
  }

  /** Where the law wants the limit, at most these steps away from where it is. */
  #byLaw(): number {
    const target = law.headroom * this.#throughput * this.baselineMs + law.spare * Math.sqrt(this.limit)
    return Math.min(1.3 * this.limit, Math.max(0.6 * this.limit, target))
  }

  #remember(meanMs: number, throughput: number): void {
    const weight = this.#usualMs === 0 ? 1 : 0.1
    this.#usualThroughput += weight * (throughput - this.#usualThroughput)
    this.#usualMs += weight * (meanMs - this.#usualMs)
  }

  #begin(phase: Phase, limit: number, meanMs: number): void {
    this.#before.limit = this.limit
    this.#before.inFlight = this.#window.meanInFlight
    this.#before.meanMs = meanMs
    this.phase = phase
    this.limit = Math.min(this.#options.max, Math.max(1, limit))
  }

  /** An experiment is over: what does the mean time at another number in flight say? */
  #judge(meanMs: number): void {
    const { phase } = this
    if (phase === 'look') return this.#look(meanMs)
    const before = this.#before
    this.phase = 'cruise'
    // 0: time goes with the number in flight, they queue; 1: it does not, each has what it needs.
    const wider = Math.log(this.#window.meanInFlight / before.inFlight)
    const elasticity = Math.abs(wider) < 0.05 ? 0.5 : 1 - Math.log(meanMs / before.meanMs) / wider
    if (phase === 'trial') return this.#judgeTrial(meanMs, elasticity)
    if (phase === 'probe') return this.#judgeProbe(meanMs, elasticity)
    if (elasticity > 0.6 && meanMs > 1.3 * this.baselineMs) {
      this.baselineMs = meanMs
      this.#set(before.limit)
    }
  }

  #look(meanMs: number): void {
    this.phase = 'cruise'
    this.#throughput = 0
    if (this.#isLonger() && this.#window.bindingRatio > 0.5) this.#begin('trial', law.trialTo * this.limit, meanMs)
  }

  #judgeTrial(meanMs: number, elasticity: number): void {
    const isBinding = this.#window.bindingRatio > 0.5
    if (elasticity > (isBinding ? 0.7 : 0.4)) {
      // The work itself takes longer, and more of it at once is done in the same time: go on while that is needed.
      this.baselineMs = meanMs
      this.#usualMs = meanMs
      this.#trialPause = law.trialPause
      this.#sinceProbe = Infinity
      if (isBinding) this.#begin('trial', law.trialTo * this.limit, meanMs)
      return
    }
    this.#untilTrial = this.#trialPause
    this.#trialPause = Math.min(law.trialPauseMost, 2 * this.#trialPause)
    this.#set(this.#before.limit)
  }

  #judgeProbe(meanMs: number, elasticity: number): void {
    const ratio = meanMs / this.baselineMs
    const errors = this.#window.endings * Math.log(ratio) ** 2
    const isNews = errors > law.certain / 4 || this.#elasticity < law.queueing
    this.#sinceProbe = 0
    this.#probeAfter = isNews ? law.probeAfter : Math.min(law.probeAfterMost, this.#probeAfter + 2)
    if (ratio < 0.9 && errors > law.certain / 2 && elasticity < 0.5) {
      // The baseline was learned in a queue, and this may be one, too: stay here and go on at once.
      this.baselineMs = meanMs
      this.#sinceProbe = Infinity
      return
    }
    // Slower, and yet there is a queue: the law goes further down by itself.
    if (ratio > 1.35 && elasticity < 0.5) return
    this.#elasticity += 0.4 * (Math.min(1, Math.max(0, elasticity)) - this.#elasticity)
    const shade = this.#elasticity < law.queueing ? law.shade : 1
    this.baselineMs += (ratio > 1.35 ? 0.5 : 0.3) * (shade * meanMs - this.baselineMs)
    this.limit = this.#before.limit
    this.#set(this.#byLaw())
  }

  #probeTarget(): number {
    return this.limit * (this.limit < law.few ? law.probeFewTo : law.probeTo)
  }

  #set(limit: number): void {
    this.limit = Math.min(this.#options.max, Math.max(this.#options.min, limit))
  }
}
