// The webhook target: keeps what it was sent, within a bound.

import { test } from 'tap'
import { ManualClock } from './manual-clock.ts'
import { call, start } from './test-bench.ts'
import { MAX_EVENTS, Webhook } from './webhook.ts'

test('an event is accepted without a body and shown again', async (t) => {
  const { webhook } = await start(t)
  const accepted = await call('POST', `${webhook.url}/v1/events`, { type: 'charge.succeeded' }, 'key-1')
  t.equal(accepted.status, 204)
  const { body } = await call('GET', `${webhook.url}/v1/events`)
  t.match(body, { received: 1, data: [{ key: 'key-1', event: { type: 'charge.succeeded' } }] })
  t.equal((await call('POST', `${webhook.url}/v1/events`, '{')).status, 400)
  t.equal((await call('GET', `${webhook.url}/elsewhere`)).status, 404)
})

test('the latest events are kept, the oldest go', async (t) => {
  const webhook = new Webhook(new ManualClock())
  const request = { path: '/v1/events', query: new URLSearchParams(), key: null, port: 1, dedupe: 'on' } as const
  for (let i = 0; i < MAX_EVENTS + 5; i++) {
    await webhook.handle({ ...request, method: 'POST', body: Buffer.from(String(i)) })
  }
  const shown = webhook.inspect({ ...request, method: 'GET', body: Buffer.alloc(0) })
  const { received, data } = JSON.parse([...(shown?.pieces ?? [])].join(''))
  t.equal(received, MAX_EVENTS + 5)
  t.equal(data.length, MAX_EVENTS)
  t.equal(data[0].event, 5)
})
