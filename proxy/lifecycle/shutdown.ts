// The last things a process does, in their order, each within its time: a close that hangs must not keep the process
// alive until somebody kills it and the log is lost.

import type { Announce } from '../core/announce.ts'
import type { Clock } from '../core/clock.ts'

export interface ShutdownStep {
  /** For the log, when it fails. */
  readonly name: string
  readonly close: () => void | Promise<void>
}

/** Closing is local work; what takes longer hangs. */
const stepTimeoutMs = 1000
/** What comes after a step that hung, the last log lines for one, still gets its turn. */
const leastStepMs = 50

export interface ShutdownOptions {
  readonly clock: Clock
  readonly announce: Announce
  /** For all steps together, ms. */
  readonly withinMs: number
}

/** Takes every step, also after one that failed; resolves to whether all went well. Announces what did not. */
export async function shutDown(
  steps: readonly ShutdownStep[], { clock, announce, withinMs }: ShutdownOptions,
): Promise<boolean> {
  const endsAt = clock.now() + withinMs
  let isClean = true
  for (const step of steps) {
    const leftMs = Math.max(leastStepMs, endsAt - clock.now())
    const error = await take(step, clock, Math.min(stepTimeoutMs, leftMs))
    if (error === null) continue
    isClean = false
    announce({ what: 'defect', where: `shutdown of ${step.name}`, error })
  }
  return isClean
}

function take(step: ShutdownStep, clock: Clock, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve) => {
    const late = (): void => { resolve(new Error(`still not closed after ${Math.round(timeoutMs)} ms`)) }
    const timer = clock.after(timeoutMs, late)
    const over = (error: unknown): void => {
      timer.clear()
      resolve(error)
    }
    // A step that throws before its first wait is the same as one that rejects.
    Promise.resolve().then(step.close).then(() => over(null), (error: unknown) => over(error ?? 'unknown'))
  })
}
