import { test } from 'tap'
import type { BodySink, BodySource } from '../../core/body.ts'
import { CopyingBody } from './copying-body.ts'
import { LastGood, largestBytes } from './last-good.ts'

class Pushed implements BodySource {
  readonly length = -1
  sink: BodySink | null = null
  resumed = 0
  isDiscarded = false
  flow(sink: BodySink): void { this.sink = sink }
  resume(): void { this.resumed++ }
  discard(): void { this.isDiscarded = true }
}

function copying(maxBytes = 100): { source: Pushed; body: CopyingBody; store: LastGood; copies: Uint8Array[] } {
  const source = new Pushed()
  const store = new LastGood()
  const copies: Uint8Array[] = []
  const body = new CopyingBody(source, {
    maxBytes, reserve: (bytes) => store.reserve(bytes), free: (bytes) => store.free(bytes),
    copied: (copy) => { copies.push(copy) },
  })
  return { source, body, store, copies }
}

const told: string[] = []
const slowSink: BodySink = {
  write: (chunk) => {
    told.push(`write ${chunk.length}`)
    return false
  },
  end: () => { told.push('end') },
  fail: () => { told.push('fail') },
}

test('whoever reads slowly is obeyed as without a copy, and the copy is whole', async (t) => {
  const { source, body, copies } = copying()
  told.length = 0
  body.flow(slowSink)
  t.equal(source.sink?.write(Uint8Array.of(1, 2)), false)
  body.resume()
  t.equal(source.resumed, 1)
  source.sink?.write(Uint8Array.of(3))
  source.sink?.end(null)
  t.strictSame(told, ['write 2', 'write 1', 'end'])
  t.strictSame(copies.map((copy) => [...copy]), [[1, 2, 3]])
})

test('a body too large, broken or unwanted is not copied, and its room is free again', async (t) => {
  const fates: ((made: ReturnType<typeof copying>) => void)[] = [
    ({ source }) => { source.sink?.write(new Uint8Array(200)) },
    ({ source }) => { source.sink?.fail('broken') },
    ({ body }) => { body.discard() },
  ]
  for (const fate of fates) {
    const made = copying()
    made.body.flow(slowSink)
    made.source.sink?.write(new Uint8Array(50))
    fate(made)
    made.source.sink?.end(null)
    t.strictSame(made.copies, [])
    t.ok(made.store.reserve(16 * 1024 * 1024), 'all of the room')
  }
})

test('copies on their way have a bound together', async (t) => {
  const store = new LastGood()
  let held = 0
  while (store.reserve(largestBytes)) held++
  t.equal(held, 16)
})
