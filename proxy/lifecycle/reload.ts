// One reload after the other: the configuration is read again, checked as at the start, and either put in force as a
// whole or not at all. A bad file changes nothing but the log and a counter.

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

export class Reloader<T extends { readonly configuration: Configuration }> {
  readonly #options: ReloaderOptions<T>
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: ReloaderOptions<T>) {
    this.#options = options
  }

  /** Never rejects. `reason` is for the log: `SIGHUP`, `POST /admin/reload`, `the file has changed`. */
  reload(reason: string): Promise<ReloadResult> {
    const result = this.#last.then(() => this.#reload(reason))
    this.#last = result
    return result
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
