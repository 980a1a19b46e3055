// Which writes go into one commit of the embedded database: those of one turn of the loop, and then all that came while
// that commit was under way, and while each turn after it brings more. A commit costs as much as many writes. It begins
// none: the database does so by itself at the end of the turn in which it was given something.

import type { Clock } from '../core/clock.ts'

/** A change on its way into a commit. */
export interface Write {
  /** Hands it to the database, now or later; the promise is that of the commit. */
  write(): Promise<boolean>
  /** The commit is over. False: its condition did not hold. */
  committed(isDone: boolean): void
  /** Nothing was written. */
  failed(error: unknown): void
}

/** Fewer that wait are few callers: each would lose more by a turn than all could win. */
const fewWrites = 4
/** What so many share, a commit costs nobody much. */
const manyWrites = 128
/** Turns that a commit waits for more, at most; a turn is as long as its input. */
const maxTurns = 8

export class SharedCommits {
  readonly #clock: Clock
  /** Where the next write goes: to those of this turn, or behind the commit that is under way or is waited for. */
  #state: 'idle' | 'gathering' | 'committing' = 'idle'
  #waiting: Write[] = []

  constructor(clock: Clock) { this.#clock = clock }

  add(write: Write): void {
    if (this.#state === 'committing') this.#waiting.push(write)
    else this.#start(write)
  }

  #start(write: Write): void {
    let writing: Promise<boolean>
    try {
      writing = write.write()
    } catch (error) {
      // Closed meanwhile.
      return write.failed(error)
    }
    if (this.#state !== 'gathering') this.#lead(writing)
    writing.then((isDone) => { write.committed(isDone) }, (error: unknown) => { write.failed(error) })
  }

  /** The first of a commit tells of its beginning and its end. */
  #lead(writing: Promise<boolean>): void {
    this.#state = 'gathering'
    this.#clock.endOfTurn(() => { if (this.#state === 'gathering') this.#state = 'committing' })
    const goOn = (): void => { this.#goOn() }
    writing.then(goOn, goOn)
  }

  /** The commit is over, well or not. */
  #goOn(): void {
    const { length } = this.#waiting
    if (length < fewWrites) this.#begin()
    else this.#gather(length, maxTurns)
  }

  #gather(count: number, turnsLeft: number): void {
    this.#clock.endOfTurn(() => {
      const { length } = this.#waiting
      if (length === count || length >= manyWrites || turnsLeft === 1) this.#begin()
      else this.#gather(length, turnsLeft - 1)
    })
  }

  #begin(): void {
    this.#state = 'idle'
    const waiting = this.#waiting
    this.#waiting = []
    for (const write of waiting) this.#start(write)
  }
}
