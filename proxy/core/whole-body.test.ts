import { test } from 'tap'
import type { BodySource } from './body.ts'
import type { Reply } from './outcome.ts'
import { KeptOutcome, WholeBody } from './whole-body.ts'

function replyWith(body: BodySource): Reply {
  return { kind: 'reply', status: 503, reason: '', headers: ['a', 'b'], body, origin: 'upstream' }
}

function textOf(reply: Reply): string {
  let text = ''
  reply.body?.flow({
    write: (chunk) => {
      text += Buffer.from(chunk).toString()
      return true
    },
    end: () => { text += '$' },
    fail: () => { text += '!' },
  })
  return text
}

const whole = (text: string): WholeBody => new WholeBody([Buffer.from(text)], text.length, null)

test('an answer held back is the answer, head and body', async (t) => {
  const kept = new KeptOutcome(replyWith(whole('busy')), 10).take()
  t.match(kept, { status: 503, headers: ['a', 'b'], origin: 'upstream' })
  t.equal(textOf(kept as Reply), 'busy$')
  t.equal((kept as Reply).body?.length, 4)
})

test('of an answer that is too large, or does not come whole, nothing is given as if it were', async (t) => {
  t.equal(new KeptOutcome(replyWith(whole('too large a body')), 10).take(), null)
  let isDiscarded = false
  const endless: BodySource = {
    length: -1, flow: (sink) => { sink.write(new Uint8Array(4)) }, resume: () => {},
    discard: () => { isDiscarded = true },
  }
  t.equal(new KeptOutcome(replyWith(endless), 10).take(), null)
  t.ok(isDiscarded)
  const broken: BodySource = { length: 9, flow: (sink) => { sink.fail('gone') }, resume: () => {}, discard: () => {} }
  t.equal(new KeptOutcome(replyWith(broken), 10).take(), null)
})

test('what has no body is kept as it is', async (t) => {
  const failed = { kind: 'failed', fault: 'upstream.reset', cause: 'x' } as const
  t.equal(new KeptOutcome(failed, 10).take(), failed)
})

test('bytes in memory obey who reads slowly', async (t) => {
  const body = new WholeBody([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)], 3, null)
  const seen: number[] = []
  body.flow({
    write: (chunk) => {
      seen.push(...chunk)
      return false
    },
    end: () => { seen.push(-1) },
    fail: () => { seen.push(-2) },
  })
  t.strictSame(seen, [1])
  body.resume()
  body.resume()
  t.strictSame(seen, [1, 2, 3, -1])
})
