// One reload after the other: the configuration is read again, checked as at the start, and either put in force as a
// whole or not at all. A bad file changes nothing but the log and a counter. Whoever still waits when the process ends
// is told so.

import type { ReloadResult } from '../admin/changes.ts'
import type { Announce } from '../core/announce.ts'
import type { Clock } from '../core/clock.ts'
import type { Configuration } from '../core/configuration.ts'
import { turnByTurn } from '../core/steps.ts'
import type { Steps } from '../core/steps.ts'

/** What reading it again gave: all of it, or every fault in a line each. */
export type Read<T extends { readonly configuration: Configuration }> =
  | { readonly isValid: true; readonly loaded: T }
  | { readonly isValid: false; readonly faults: readonly string[] }

export interface ReloaderOptions<T extends { readonly configuration: Configuration }> {
  /** Reads and checks, with time for requests in between; throws nothing. */
  readonly read: () => Steps<Read<T>>
  /** Puts it in force; rejects, with nothing changed, when a listener cannot be opened. */
  readonly apply: (loaded: T) => Promise<void>
  readonly current: () => Configuration
  readonly clock: Clock
  readonly announce: Announce
  readonly count: (result: 'applied' | 'unchanged' | 'rejected') => void
}

const tooLate = {
  isApplied: false, faults: ['this instance is ending: nothing is put in force any more'],
} as const

export class Reloader<T extends { readonly configuration: Configuration }> {
  readonly #options: ReloaderOptions<T>
  readonly #waiting = new Set<(result: ReloadResult) => void>()
  #last: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: ReloaderOptions<T>) {
    this.#options = options
  }

  /** Never rejects. `reason` is for the log: `SIGHUP`, `POST /admin/reload`, `the file has changed`. */
  reload(reason: string): Promise<ReloadResult> {
    if (this.#isClosed) return Promise.resolve(tooLate)
    const { promise, resolve } = Promise.withResolvers<ReloadResult>()
    this.#waiting.add(resolve)
    this.#last = this.#last.then(async () => {
      resolve(await this.#reload(reason))
      this.#waiting.delete(resolve)
    })
    return promise
  }

  /** The process ends: whoever waits hears so, and what is under way is waited for by nobody. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const resolve of this.#waiting) resolve(tooLate)
    // Their answers leave before the admin listener closes.
    await new Promise<void>((resolve) => { this.#options.clock.endOfTurn(resolve) })
  }

  async #reload(reason: string): Promise<ReloadResult> {
    const { read, apply, current, clock, announce, count } = this.#options
    const found = await turnByTurn(read(), clock)
    if (!found.isValid) return this.#reject(reason, found.faults)
    const { hash } = found.loaded.configuration
    if (hash === current().hash) {
      count('unchanged')
      announce({ what: 'configuration-unchanged', reason, hash })
      return { isApplied: true, hash, isChanged: false }
    }
    if (this.#isClosed) return this.#reject(reason, tooLate.faults)
    // To put it in force is one piece.
    try {
      await apply(found.loaded)
    } catch (error) {
      return this.#reject(reason, [error instanceof Error ? error.message : String(error)])
    }
    count('applied')
    announce({ what: 'configuration-applied', reason, hash })
    return { isApplied: true, hash, isChanged: true }
  }

  #reject(reason: string, faults: readonly string[]): ReloadResult {
    this.#options.count('rejected')
    this.#options.announce({ what: 'configuration-rejected', reason, faults })
    return { isApplied: false, faults }
  }
}
