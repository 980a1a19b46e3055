// Live control: behaviours, timetables, counters and errors over HTTP.

import { test } from 'tap'
import { HEALTHY } from './behaviour.ts'
import { ManualClock } from './manual-clock.ts'
import { call, charge, sendRaw, start, until } from './test-bench.ts'

test('a behaviour is replaced and reset on its own port alone', async (t) => {
  const { providers, fraud } = await start(t)
  const [first, second] = [providers[0]!.url, providers[1]!.url]
  const replaced = await call('POST', `${first}/_control`, { status: 500 })
  t.equal(replaced.status, 200)
  t.match(replaced.body, { name: 'provider-1', port: providers[0]!.port, behaviour: { errorRate: 1, status: 500 } })
  t.equal((await charge(first, 'r')).status, 500)
  t.equal((await charge(second, 'r')).status, 201)
  await call('POST', `${first}/_control`, { latency: 1 })
  const { body } = await call('GET', `${first}/_control`)
  t.same(body['behaviour'], { ...HEALTHY, latency: { type: 'constant', meanMs: 1 } })
  await call('POST', `${fraud.url}/_control`, { status: 502 })
  t.equal((await call('GET', `${fraud.url}/v1/score/c`)).status, 502)
  const reset = await call('DELETE', `${fraud.url}/_control`)
  t.same(reset.body['behaviour'], HEALTHY)
  t.match(reset.body['counters'], { received: 0, faults: { error: 0 } })
  t.equal((await call('GET', `${fraud.url}/v1/score/c`)).status, 200)
})

test('counters tell what was received, executed, answered and broken', async (t) => {
  const { providers } = await start(t)
  const url = providers[0]!.url
  await charge(url, 'r')
  await call('GET', `${url}/health`)
  await call('POST', `${url}/_control`, { status: 500 })
  await charge(url, 'r')
  await call('GET', `${url}/v1/ledger`)
  const { body } = await call('GET', `${url}/_control`)
  t.match(body['counters'], { received: 3, executed: 1, answered: 3, clientGone: 0, faults: { error: 1, stall: 0 } })
  t.match(body, { inFlight: 0, waiting: 0, stalled: 0 })
})

test('control and inspection answer while everything else hangs', async (t) => {
  const { providers } = await start(t)
  const { url, port } = providers[0]!
  await call('POST', `${url}/_control`, { stall: true, capacity: 1 })
  const stalled = sendRaw(t, port, '/v1/charges?reference=r')
  await until(async () => (await call('GET', `${url}/_control`)).body['stalled'] === 1)
  t.equal((await call('GET', `${url}/v1/ledger/summary`)).status, 200)
  await call('DELETE', `${url}/_control`)
  await until(() => stalled.received().includes('{"data":[]}'))
})

test('wrong behaviours and timetables are a 400 that names every field, and change nothing', async (t) => {
  const { providers } = await start(t)
  const url = `${providers[0]!.url}/_control`
  const wrong = await call('POST', url, { stal: true, errorRate: 'often' })
  t.equal(wrong.status, 400)
  t.match(wrong.body, {
    error: {
      code: 'control.invalid',
      message: /errorRate must be a number from 0 to 1, got "often"/,
      fields: [{ field: 'stal' }, { field: 'errorRate', expected: 'a number from 0 to 1', got: '"often"' }],
    },
  })
  t.match((await call('POST', url, '{"stall":')).body, { error: { message: /body must be valid JSON/ } })
  const steps = await call('POST', `${url}/timetable`, [{ at: 0, behaviour: {} }, { at: 'soon', behaviour: {} }])
  t.equal(steps.status, 400)
  t.match(steps.body, { error: { fields: [{ field: '[1].at', got: '"soon"' }] } })
  t.equal((await call('PATCH', url, {})).status, 404)
  t.equal((await call('GET', `${url}/elsewhere`)).status, 404)
  t.same((await call('GET', url)).body['behaviour'], HEALTHY)
})

test('a timetable posted to a port runs there, or where its entries say', async (t) => {
  const clock = new ManualClock()
  const { providers, fraud, webhook } = await start(t, { clock })
  const steps = [
    { at: 0, behaviour: { status: 501 } },
    { at: '10s', behaviour: {} },
    { at: '5s', port: 'fraud', behaviour: { status: 502 } },
    { at: 5_000, port: webhook.port, behaviour: { status: 503 } },
  ]
  const started = await call('POST', `${providers[1]!.url}/_control/timetable`, steps)
  t.match(started.body, { name: 'provider-2', timetable: { pendingSteps: 1 }, behaviour: { status: 501 } })
  const statuses = async (): Promise<number[]> => {
    const urls = [providers[0]!.url, providers[1]!.url, fraud.url, webhook.url]
    return Promise.all(urls.map(async (url) => (await call('GET', `${url}/health`)).status))
  }
  t.same(await statuses(), [200, 501, 200, 200])
  clock.advance(5_000)
  t.same(await statuses(), [200, 501, 502, 503])
  clock.advance(5_000)
  t.same(await statuses(), [200, 200, 502, 503])
})

test('a timetable can be cancelled, and resetting the port cancels it too', async (t) => {
  const clock = new ManualClock()
  const { providers } = await start(t, { clock })
  const url = `${providers[0]!.url}/_control`
  for (const cancel of [`${url}/timetable`, url]) {
    await call('POST', `${url}/timetable`, [{ at: '1s', behaviour: { status: 500 } }])
    t.match((await call('DELETE', cancel)).body, { timetable: { pendingSteps: 0 } })
    clock.advance(2_000)
    t.same((await call('GET', url)).body['behaviour'], HEALTHY)
  }
})
