import { test } from 'tap'
import { array, assert, boolean, integer, property, tuple, uint8Array } from 'fast-check'
import type { BodySink, BodySource } from './body.ts'
import { ReplayBody } from './replay-body.ts'

/** A caller that sends chunks when it is told to, as long as nobody said "enough". */
class Sending implements BodySource {
  readonly length = -1
  #sink: BodySink | null = null
  #isStopped = false
  readonly #chunks: Uint8Array[]
  isDiscarded = false
  isEnded = false

  constructor(chunks: readonly Uint8Array[]) { this.#chunks = [...chunks] }

  flow(sink: BodySink): void {
    if (this.#sink !== null) throw new Error('it flows twice')
    this.#sink = sink
  }

  resume(): void { this.#isStopped = false }

  discard(): void { this.isDiscarded = true }

  /** The next chunk, or the end; false when there is no more to do. */
  step(): boolean {
    if (this.#sink === null || this.#isStopped || this.isDiscarded || this.isEnded) return false
    const chunk = this.#chunks.shift()
    if (chunk === undefined) {
      this.isEnded = true
      this.#sink.end(null)
    } else this.#isStopped = !this.#sink.write(chunk)
    return true
  }
}

class Reading implements BodySink {
  readonly bytes: number[] = []
  end_: 'open' | 'ended' | 'failed' = 'open'
  readonly #accepts: () => boolean
  constructor(accepts: () => boolean = () => true) { this.#accepts = accepts }
  write(chunk: Uint8Array): boolean {
    this.bytes.push(...chunk)
    return this.#accepts()
  }
  end(): void { this.end_ = 'ended' }
  fail(): void { this.end_ = 'failed' }
}

test('whenever an attempt breaks off, the next one gets the same bytes from the first on', async () => {
  const chunks = array(uint8Array({ minLength: 1, maxLength: 8 }), { maxLength: 12 })
  assert(property(chunks, array(tuple(integer({ min: 0, max: 6 }), boolean()), { maxLength: 5 }), (sent, breaks) => {
    const source = new Sending(sent)
    const body = new ReplayBody(source, 1_000)
    const whole = sent.flatMap((chunk) => [...chunk])
    for (const [steps, isSlow] of breaks) {
      const opened = body.open()
      const reading = new Reading(() => !isSlow)
      opened.flow(reading)
      for (let i = 0; i < steps; i++) {
        source.step()
        if (isSlow) opened.resume()
      }
      if (reading.bytes.some((byte, i) => byte !== whole[i])) return false
      opened.discard()
    }
    const last = new Reading()
    body.open().flow(last)
    while (source.step());
    return last.end_ === 'ended' && String(last.bytes) === String(whole)
  }))
})

test('beyond the bound nothing is kept nor can be sent again, but the one that reads gets it all', async (t) => {
  const source = new Sending([new Uint8Array(6), new Uint8Array(6), new Uint8Array(6)])
  const body = new ReplayBody(source, 10)
  const reading = new Reading()
  body.open().flow(reading)
  source.step()
  t.ok(body.isRepeatable)
  t.equal(body.recordedBytes, 6)
  source.step()
  t.notOk(body.isRepeatable)
  t.equal(body.recordedBytes, 0)
  while (source.step());
  t.equal(reading.bytes.length, 18)
  t.equal(reading.end_, 'ended')
  const late = new Reading()
  body.open().flow(late)
  t.equal(late.end_, 'failed', 'never a request without its body')
})

test('a slow second reader loses nothing when the bound is passed while it still plays the record', async (t) => {
  const source = new Sending([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3), new Uint8Array(100).fill(4)])
  const body = new ReplayBody(source, 50)
  const first = body.open()
  first.flow(new Reading())
  for (let i = 0; i < 3; i++) source.step()
  first.discard()
  const slow = new Reading(() => false)
  const second = body.open()
  second.flow(slow)
  source.step()
  for (let i = 0; i < 10; i++) {
    second.resume()
    source.step()
  }
  t.strictSame(slow.bytes.slice(0, 4), [1, 2, 3, 4])
  t.equal(slow.bytes.length, 103)
  t.equal(slow.end_, 'ended')
})

test('once nothing will be sent again, an abandoned body is dropped', async (t) => {
  const source = new Sending([Uint8Array.of(1), Uint8Array.of(2)])
  const body = new ReplayBody(source, 50)
  const first = body.open()
  first.flow(new Reading())
  source.step()
  first.discard()
  t.notOk(source.isDiscarded, 'another attempt may want it')
  body.close()
  t.ok(source.isDiscarded)
  t.equal(body.recordedBytes, 0)
})

test('a body that goes on while its answer is given is not cut, and what it brings is not recorded', async (t) => {
  const source = new Sending([Uint8Array.of(1), Uint8Array.of(2)])
  const body = new ReplayBody(source, 50)
  const reading = new Reading()
  const opened = body.open()
  opened.flow(reading)
  source.step()
  body.close()
  while (source.step());
  t.strictSame(reading.bytes, [1, 2])
  t.equal(body.recordedBytes, 0)
  t.notOk(source.isDiscarded)
})

test('the break of the caller\'s body reaches whoever reads it', async (t) => {
  const source = new Sending([Uint8Array.of(1)])
  const body = new ReplayBody(source, 50)
  const reading = new Reading()
  body.open().flow(reading)
  body.fail('gone')
  t.equal(reading.end_, 'failed')
  t.notOk(body.isRepeatable)
})
