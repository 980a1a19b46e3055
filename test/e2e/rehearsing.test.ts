// Faults on purpose, in a real process: who asks for one gets it, the service sees what it should, nobody else notices,
// and the metrics say what was done.

import { test } from 'tap'
import { ask, codeOf } from '../support/asking.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { inFrontOf, startSeawall } from '../support/seawall.ts'

const body = 'x'.repeat(2_048)
const ok = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`

test('each fault strikes who carries its field, and nobody else', async (t) => {
  const origin = await rawOrigin(t, () => ok)
  const { ports } = await startSeawall(t, inFrontOf(origin.url, {
    route: {
      fault: [
        { header: 'x-delay', delay: '300ms' }, { header: 'x-abort', abort: 503 },
        { header: 'x-before', reset: 'before' }, { header: 'x-after', reset: 'after' },
        { header: 'x-slow', bodyRate: '4KiB' },
      ],
    },
  }))
  const port = ports['public'] as number
  const struck = (name: string) => ask(port, '/', { headers: { [name]: '1' } })
  const seen = async (name: string) => {
    const before = origin.received.length
    const answer = await struck(name)
    return { answer, asked: origin.received.length - before }
  }

  const none = await seen('x-nothing')
  t.match(none, { answer: { status: 200, body }, asked: 1 })

  const delayed = await seen('x-delay')
  t.match(delayed, { answer: { status: 200, body }, asked: 1 })
  t.ok(delayed.answer.tookMs >= 295, `${delayed.answer.tookMs} ms`)

  t.match(await seen('x-abort'), { answer: { status: 503 }, asked: 0 })

  const before = await seen('x-before')
  t.match(before, { answer: { status: 502 }, asked: 0 })
  t.equal(codeOf(before.answer), 'upstream.reset')

  const after = await seen('x-after')
  t.match(after, { answer: { status: 502 }, asked: 1 }, 'the service has done it, and its answer is lost')
  t.equal(codeOf(after.answer), 'upstream.reset')

  const slow = await seen('x-slow')
  t.match(slow, { answer: { status: 200, body }, asked: 1 })
  t.ok(slow.answer.tookMs >= 250, `${slow.answer.tookMs} ms for half a second's bytes`)

  const page = (await ask(ports['admin'] as number, '/metrics')).body
  const counted = [...page.matchAll(/seawall_faults_injected_total\{route="all",kind="([^"]+)"\} (\d+)/g)]
    .map(([, kind, count]) => `${kind} ${count}`).toSorted()
  t.same(counted, ['abort 1', 'body-rate 1', 'delay 1', 'reset 2'])
})

test('a share strikes about as many as it says', async (t) => {
  const origin = await rawOrigin(t, () => ok)
  const { ports } = await startSeawall(t, inFrontOf(origin.url, {
    // A tenth of 503 would teach the limit and the breaker, and it is not they who are looked at.
    route: { fault: [{ share: 0.3, abort: 404 }] },
  }))
  let struck = 0
  for (let i = 0; i < 200; i++) {
    if ((await ask(ports['public'] as number, '/')).status === 404) struck++
  }
  // Five standard deviations of 6.5.
  t.ok(struck > 27 && struck < 93, `${struck} of 200`)
  t.equal(origin.received.length, 200 - struck)
})
