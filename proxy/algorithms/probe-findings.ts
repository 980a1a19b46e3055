// What the probes of a learned limit have said so far: whether there is a queue at the limit, below it too, or none at
// all, and what that makes of the baseline. It changes no limit, and does not say when to probe.

import type { LimitTrial } from './limit-trial.ts'
import type { LimitWindow } from './limit-window.ts'
import { law, loweredMs } from './probing-law.ts'

export class ProbeFindings {
  /** A probe has got below the knee, or there was room to spare. Until then the baseline is a guess. */
  isProven = false
  /** The last one has found the baseline far too high: the next one follows at once, deeper. */
  isFalling = false
  /** The last one is no ground to go back up. */
  staysDown = false
  /** The last one was worth its cost: there may be more to find out. */
  isNews = false
  /** Of the last ones: 0 they queued, 1 they did not. */
  #elasticity = 0.5

  /** Nothing queues, not even at the limit itself. */
  get isFree(): boolean { return this.#elasticity > law.free }

  /** The baseline after a probe, ms. */
  judge(window: LimitWindow, trial: LimitTrial, baselineMs: number): number {
    const { meanMs } = window
    const ratio = meanMs / baselineMs
    const errors = window.errorsFrom(baselineMs)
    const elasticity = trial.elasticity(window)
    this.isNews = errors > law.certain / 4 || this.#elasticity < law.queueing || this.isFree
    this.isProven ||= elasticity > 0.3
    this.isFalling = !this.isProven || (ratio < 0.9 && elasticity < 0.5 && errors > law.likely)
    // Slower, and yet there is a queue: the law goes further down by itself.
    this.staysDown = this.isFalling || (ratio > 1.35 && elasticity < 0.5)
    // The baseline was learned in a queue, and this may be one, too.
    if (this.isFalling) return meanMs
    if (this.staysDown) return baselineMs
    const loweredTo = loweredMs(window, baselineMs)
    this.#elasticity += 0.4 * (Math.min(1, Math.max(0, elasticity)) - this.#elasticity)
    return loweredTo + this.#weight(ratio) * (this.#serviceMs(meanMs, trial.meanMs) - loweredTo)
  }

  /** What the time of a probe says of the work itself: `trialMs` is what it took at the whole limit. */
  #serviceMs(probeMs: number, trialMs: number): number {
    // The probes themselves queue: it is less than they say. Or nothing queues, not even above.
    if (this.#elasticity < law.queueing) return probeMs * law.shade
    return this.isFree ? (probeMs + trialMs) / 2 : probeMs
  }

  /** How far one probe moves the baseline; `ratio`: what it saw, of what was believed. */
  #weight(ratio: number): number {
    if (this.#elasticity < law.queueing || this.isFree) return 0.7
    return ratio > 1.35 ? 0.5 : 0.3
  }
}
