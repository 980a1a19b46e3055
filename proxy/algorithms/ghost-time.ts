// How long the permit of an attempt that was cut is kept: the upstream may still be at it, since HTTP/1.1 cannot call
// work off. It also tells whether that time says anything of the upstream. It keeps no permit itself.

/** An upstream notices the end of its caller within two of its service times, or never. */
const usualBaselines = 2
const longestMs = 1_000

/**
 * Who leaves within so many service times was in a hurry, and what comes after tells nothing of the upstream. Counted
 * as time in flight it would look like slow answers, which keeps the next ones longer, and so on.
 */
const hastyBaselines = 3

export class GhostTime {
  /** What answers were last known to take, ms; 0: nobody has ever known. */
  #knownMs = 0

  /** How long to keep it, ms, after `elapsedMs` in flight; `baselineMs`: what an answer takes, 0 while unknown. */
  keepMs(elapsedMs: number, baselineMs: number): number {
    if (baselineMs > 0) this.#knownMs = baselineMs
    // With nothing learned, or all of it forgotten, it may go on for as long again as it has, or as others once did.
    const usualMs = baselineMs > 0 ? usualBaselines * baselineMs : Math.max(elapsedMs, this.#knownMs)
    return Math.min(usualMs, longestMs)
  }

  /** Whether it was cut too soon for the rest of its time to say anything. */
  isHasty(elapsedMs: number, baselineMs: number): boolean {
    return elapsedMs < hastyBaselines * baselineMs
  }
}
