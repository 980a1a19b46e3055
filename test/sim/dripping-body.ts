// The body of a request as callers send them: in pieces, sometimes broken off, sometimes never whole.

import type { BodySink, BodySource } from '../../proxy/core/body.ts'
import type { Clock } from '../../proxy/core/clock.ts'
import type { Random } from '../../proxy/core/random.ts'
import { exponential } from './seeded-random.ts'
import type { SimCaller } from './sim-caller.ts'

const silenceMs = 3_000

export class DrippingBody implements BodySource {
  readonly length = -1
  /** How often somebody began to read it. */
  flows = 0
  /** Whose it is: when that one ends, so does this. */
  caller: SimCaller | null = null
  readonly #clock: Clock
  readonly #stepMs: number
  readonly #steps: number
  readonly #how: 'whole' | 'breaks' | 'silent'
  #sink: BodySink | null = null
  #at = 0
  #isStopped = false
  #isOver = false

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#stepMs = random() < 0.5 ? 0 : exponential(random, 20)
    this.#steps = Math.floor(random() * 4)
    const drawn = random()
    this.#how = drawn < 0.85 ? 'whole' : drawn < 0.93 ? 'breaks' : 'silent'
  }

  flow(sink: BodySink): void {
    this.flows++
    this.#sink = sink
    this.#next()
  }

  resume(): void {
    if (!this.#isStopped) return
    this.#isStopped = false
    this.#next()
  }

  discard(): void { this.#sink = null }

  #next(): void {
    const sink = this.#sink
    if (sink === null || this.#isOver) return
    if (this.caller?.end === 'left') return this.#fail(sink)
    if (this.#at++ < this.#steps) {
      if (!sink.write(Buffer.from('abc'))) this.#isStopped = true
      else this.#clock.after(this.#stepMs, () => { this.#next() })
      return
    }
    if (this.#how === 'whole') {
      this.#isOver = true
      this.#sink = null
      return sink.end(null)
    }
    if (this.#how === 'breaks') return this.#fail(sink)
    this.#clock.after(silenceMs, () => { this.#fail(sink) })
  }

  #fail(sink: BodySink): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#sink = null
    if (this.caller?.end === null) this.caller.owner?.requestBroken('request.timeout')
    sink.fail('by chance')
  }
}
