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

/** Takes every step, also after one that failed; resolves to whether all went well. Announces what did not. */
export async function shutDown(
  steps: readonly ShutdownStep[], { clock, announce }: { readonly clock: Clock; readonly announce: Announce },
): Promise<boolean> {
  let isClean = true
  for (const step of steps) {
    const error = await take(step, clock)
    if (error === null) continue
    isClean = false
    announce({ what: 'defect', where: `shutdown of ${step.name}`, error })
  }
  return isClean
}

function take(step: ShutdownStep, clock: Clock): Promise<unknown> {
  return new Promise((resolve) => {
    const late = (): void => { resolve(new Error(`still not closed after ${stepTimeoutMs} ms`)) }
    const timer = clock.after(stepTimeoutMs, late)
    const over = (error: unknown): void => {
      timer.clear()
      resolve(error)
    }
    // A step that throws before its first wait is the same as one that rejects.
    Promise.resolve().then(step.close).then(() => over(null), (error: unknown) => over(error ?? 'unknown'))
  })
}
