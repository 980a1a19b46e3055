// How long a wait an arrival may be predicted and still join the line: half of the bound, less while the line stands,
// that is, while somebody has waited nearly all the time of late. It predicts nothing and refuses nobody.

import { classes } from './waiting-line.ts'

/** Predicted waits above this part of the bound are refused, so that chance seldom carries a wait over the bound. */
export const usualPart = 0.5

/** The same of a line that stands: it absorbs no bursts, and a few who wait keep every permit in use just as well. */
const standingPart = 0.25

/** The part of the time in which somebody waits, from which on a line stands: one that copes runs empty more often. */
const standing = 0.8

/** Bounds after which a moment weighs 1 / e of what it did: longer than the bursts that a line is there to absorb. */
const memory = 5

export class AcceptedWait {
  /** The highest class that waits; 3: nobody does. */
  highest = classes
  /** For each class, the part of the time in which it or a higher one has waited: lower ones hold nobody up. */
  readonly #waited: number[] = Array.from({ length: classes }, () => 0)
  #at = 0

  /** Another class is the highest that waits from now on; `boundMs` is the longest wait there may be. */
  observe(highest: number, boundMs: number, now: number): void {
    this.#advance(boundMs, now)
    this.highest = highest
  }

  /** The longest predicted wait to accept for that class, ms. */
  mostMs(level: number, boundMs: number, now: number): number {
    this.#advance(boundMs, now)
    return boundMs * ((this.#waited[level] as number) > standing ? standingPart : usualPart)
  }

  #advance(boundMs: number, now: number): void {
    const weight = 1 - Math.exp(-Math.max(0, now - this.#at) / (memory * boundMs))
    for (let level = 0; level < classes; level++) {
      const waited = this.#waited[level] as number
      this.#waited[level] = waited + weight * ((level >= this.highest ? 1 : 0) - waited)
    }
    this.#at = now
  }
}
