// Which writes go into one commit of the embedded database: those of one turn of the loop, and then all that came while
// that commit was under way. A commit costs as much as many writes. It begins none: the database does so by itself at
// the end of the turn in which it was given something.

import type { Clock } from '../core/clock.ts'

interface Waiting {
  readonly write: () => Promise<boolean>
  readonly resolve: (isDone: boolean) => void
  readonly reject: (error: unknown) => void
}

export class SharedCommits {
  readonly #clock: Clock
  /** Where the next write goes: to those of this turn, or behind the commit that is under way. */
  #state: 'idle' | 'gathering' | 'committing' = 'idle'
  #waiting: Waiting[] = []

  constructor(clock: Clock) { this.#clock = clock }

  /** `write` hands a change to the database, now or later; its promise is that of the commit. */
  add(write: () => Promise<boolean>): Promise<boolean> {
    if (this.#state !== 'committing') return this.#start(write)
    return new Promise((resolve, reject) => { this.#waiting.push({ write, resolve, reject }) })
  }

  #start(write: () => Promise<boolean>): Promise<boolean> {
    const writing = write()
    if (this.#state === 'gathering') return writing
    this.#state = 'gathering'
    this.#clock.endOfTurn(() => { if (this.#state === 'gathering') this.#state = 'committing' })
    const goOn = (): void => { this.#goOn() }
    writing.then(goOn, goOn)
    return writing
  }

  /** The commit is over, well or not. */
  #goOn(): void {
    this.#state = 'idle'
    const waiting = this.#waiting
    this.#waiting = []
    for (const { write, resolve, reject } of waiting) {
      try {
        this.#start(write).then(resolve, reject)
      } catch (error) {
        // Closed meanwhile.
        reject(error)
      }
    }
  }
}
