import { test } from 'tap'
import { VirtualClock } from '../../../test/sim/virtual-clock.ts'
import type { BodySink, BodySource } from '../../core/body.ts'
import { SlowBody } from './slow-body.ts'

/** Gives 1,000 bytes in four chunks, one each time it is asked to go on. */
class Chunks implements BodySource {
  readonly length = 1_000
  discarded = false
  #left = 4
  #sink: BodySink | null = null
  flow(sink: BodySink): void {
    this.#sink = sink
    this.resume()
  }
  resume(): void {
    while (this.#left > 0) {
      this.#left--
      if (this.#sink?.write(Buffer.alloc(250, 'x')) === false) return
    }
    this.#sink?.end(null)
  }
  discard(): void { this.discarded = true }
}

class Collected implements BodySink {
  bytes = 0
  endedAt = -1
  readonly #clock: VirtualClock
  takes = true
  constructor(clock: VirtualClock) { this.#clock = clock }
  write(chunk: Uint8Array): boolean {
    this.bytes += chunk.length
    return this.takes
  }
  end(): void { this.endedAt = this.#clock.now() }
  fail(): void { this.endedAt = -2 }
}

test('a body of 1,000 bytes at 500 a second takes two seconds and is whole', async (t) => {
  const clock = new VirtualClock()
  const sink = new Collected(clock)
  new SlowBody(new Chunks(), 500, clock).flow(sink)
  await clock.run(1_000)
  t.ok(sink.bytes >= 450 && sink.bytes <= 500, String(sink.bytes))
  await clock.run(5_000)
  t.equal(sink.bytes, 1_000)
  t.ok(sink.endedAt >= 2_000 && sink.endedAt <= 2_300, String(sink.endedAt))
})

test('who reads slowly is waited for', async (t) => {
  const clock = new VirtualClock()
  const sink = new Collected(clock)
  sink.takes = false
  const body = new SlowBody(new Chunks(), 500, clock)
  body.flow(sink)
  await clock.run(5_000)
  t.equal(sink.bytes, 50)
  body.resume()
  await clock.run(10_000)
  t.equal(sink.bytes, 100)
})

test('whoever wants no more stops it all', async (t) => {
  const clock = new VirtualClock()
  const source = new Chunks()
  const body = new SlowBody(source, 500, clock)
  body.flow(new Collected(clock))
  await clock.run(500)
  body.discard()
  t.ok(source.discarded)
  t.equal(clock.pending, 0)
})
