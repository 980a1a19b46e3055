// The leaf over undici: the cases every leaf must pass, those that undici cannot pass with the reason, and what is
// particular to it.

import { test } from 'tap'
import { always, answer, LeafBench } from './leaf-bench.ts'
import { bodyOf, PushedBody } from './leaf-bodies.ts'
import { conformLeaf } from './leaf-conformance.ts'
import { createUndiciUpstream } from './undici-upstream.ts'

const noVersion = 'undici does not tell the version of an answer'
const noExpect = 'undici refuses to send Expect and takes a 100 for a broken answer'

conformLeaf('undici', createUndiciUpstream, {
  'identical content-lengths are one': 'undici adds the digits of the second to the first',
  'a 100 nobody asked for is not told': 'undici takes a 100 for a broken answer',
  'HTTP/2.0 in the status line is a malformed answer': noVersion,
  'HTTP/0.9 in the status line is a malformed answer': noVersion,
  'transfer-encoding in HTTP/1.0 is a malformed answer': noVersion,
  'a chunk size that is no number is a malformed answer': 'undici tells the head before it looks behind it',
  'a status line that never ends is a malformed answer': 'undici neither counts nor bounds the reason phrase',
  'a chunk size beyond 2^53 breaks visibly after what had come': 'undici accepts sizes up to 2^64',
  'a body of unknown length is chunked by us, trailers included': 'undici cannot send trailers',
  'a body that expects a 100 waits for it, and the 100 is told': noExpect,
  'a final answer instead of the 100 leaves the body where it is': noExpect,
})

test('undici: the head of an upload leaves together with its first chunk and not before', async (t) => {
  const { origin, send } = await new LeafBench(t, createUndiciUpstream).pair(always(answer('ok')))
  const body = new PushedBody(5)
  const sent = send({ method: 'POST', body })
  await body.flowing
  t.equal(sent.attempt.sentAt, -1)
  t.equal(sent.attempt.work.delivered, 'no')
  t.equal(origin.peers[0]?.total ?? 0, 0)
  body.push('hello')
  t.equal(sent.attempt.work.delivered, 'maybe')
  body.sink?.end(null)
  t.equal((await sent.body()).text, 'ok')
})

test('undici: uploads over one connection leave no listeners on its socket', async (t) => {
  const warnings: string[] = []
  const onWarning = (warning: Error): void => { warnings.push(warning.name) }
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  const { origin, send } = await new LeafBench(t, createUndiciUpstream).pair(async (peer) => {
    for (;;) {
      await peer.head()
      await peer.take(5)
      peer.send(answer('ok'))
    }
  })
  for (let round = 0; round < 30; round++) {
    const sent = send({ method: 'POST', body: bodyOf(['hello'], 5) })
    await sent.body()
    await sent.closed
  }
  t.equal(origin.peers.length, 1)
  t.same(warnings, [])
})

test('undici: a body of another length than it said is the fault of the caller', async (t) => {
  for (const chunks of [['hel'], ['hello', '!']]) {
    const { origin, send } = await new LeafBench(t, createUndiciUpstream).pair(always(answer('ok')))
    const sent = send({ method: 'POST', body: bodyOf(chunks, 5) })
    t.match(await sent.outcome, { kind: 'abandoned', by: 'caller' })
    await sent.closed
    await origin.peers[0]?.closed
  }
})

test('undici: bytes that lie unread on a kept connection are not the answer to the next request', async (t) => {
  const { origin, send } = await new LeafBench(t, createUndiciUpstream).pair(async (peer, index) => {
    await peer.head()
    peer.send(answer(index === 0 ? 'first' : 'good'))
  })
  const first = send({ method: 'POST' })
  await first.body()
  await first.closed
  // From a check phase on, the sockets are read once more before undici writes.
  await new Promise((turn) => { setImmediate(turn) })
  origin.peers[0]?.send(answer('EVIL'))
  t.equal((await send({ method: 'POST' }).body()).text, 'good')
})

test('undici: a request that it refuses to write is a failure that delivered nothing', async (t) => {
  const { origin, send } = await new LeafBench(t, createUndiciUpstream).pair(always(answer('ok')))
  const sent = send({ method: 'OPTIONS', target: '*' })
  t.equal((await sent.outcome).kind, 'failed')
  await sent.closed
  t.equal(sent.attempt.work.delivered, 'no')
  t.equal(origin.peers.length, 0)
})

test('undici: a reason phrase that it could not read is left out', async (t) => {
  const { send } = await new LeafBench(t, createUndiciUpstream).pair(
    always('HTTP/1.1 200 D\xe9j\xe0 vu\r\nContent-Length: 0\r\n\r\n'),
  )
  t.equal((await send().reply()).reason, '')
})

test('undici: an answer that stops coming is stalled', async (t) => {
  const timeouts = { connectMs: 2000, idleMs: 30, keepAliveMs: 4000 }
  const { send } = await new LeafBench(t, createUndiciUpstream).pair(
    always('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'), { timeouts },
  )
  const sent = send()
  const collected = await sent.body()
  t.equal(collected.text, 'hello')
  t.equal(sent.attempt.bodyFault, 'upstream.stalled')
})
