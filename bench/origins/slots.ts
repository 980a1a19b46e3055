// A workplace of slots in real time: turns a line of slots by the clock of this process. Little CPU time, so that what
// an experiment sees is waiting and not this machine.
import { exponentialTimes } from './service-times.ts'
import { SlotLine } from './slot-line.ts'
import type { Change, SlotsShape, Workplace } from './workplace.ts'

export class Slots implements Workplace {
  readonly #line: SlotLine
  #timer: NodeJS.Timeout | undefined
  #timerAtMs = Infinity

  /** `nextTime` instead of what `spread` names: multiples of the mean, one a job. */
  constructor({ slots, meanMs, spread, seed }: SlotsShape, nextTime?: () => number) {
    const named = spread === 'constant' ? () => 1 : exponentialTimes(seed)
    this.#line = new SlotLine({ slots, meanMs, nextTime: nextTime ?? named })
  }

  get inService(): number { return this.#line.inService }
  get queued(): number { return this.#line.queued }

  arrive(finish: () => void): void {
    this.#line.arrive(finish, performance.now())
    this.#arm()
  }

  change(change: Change): void {
    this.#line.change(change, performance.now())
    this.#arm()
  }

  #arm(): void {
    const atMs = this.#line.nextEndMs
    if (atMs >= this.#timerAtMs) return
    clearTimeout(this.#timer)
    this.#timerAtMs = atMs
    // Whole milliseconds: rounded up, because a timer that fires early would only have to be set again.
    this.#timer = setTimeout(this.#turn, Math.max(0, Math.ceil(atMs - performance.now())))
  }

  #turn = (): void => {
    this.#timerAtMs = Infinity
    this.#line.advance(performance.now())
    this.#arm()
  }
}
