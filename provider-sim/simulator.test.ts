// The simulator as a whole: start, steering, end, and what happens when a start fails.

import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { ManualClock } from './manual-clock.ts'
import { startSimulator } from './simulator.ts'
import { call, charge, order, sendRaw, start, until } from './test-bench.ts'

test('behaviours are set by port number, by name and for all of the provider', async (t) => {
  const simulator = await start(t, { providerPorts: [0, 0] })
  const statuses = (): Promise<number[]> =>
    Promise.all(simulator.providers.map(async ({ url }) => (await call('GET', `${url}/health`)).status))
  simulator.setBehaviour(simulator.providers[0]!.port, { status: 501 })
  t.same(await statuses(), [501, 200])
  simulator.setBehaviour('provider-2', { status: 502 })
  t.same(await statuses(), [501, 502])
  simulator.setBehaviour('provider', {})
  t.same(await statuses(), [200, 200])
  t.throws(() => simulator.setBehaviour('provider-3', {}), { message: /port must be one of/ })
  t.throws(() => simulator.setBehaviour('provider', { capacity: -1 }), { message: /capacity must be/ })
})

test('a timetable at the start begins at once, on every provider port unless it says otherwise', async (t) => {
  const clock = new ManualClock()
  const timetable = [{ at: 0, behaviour: { status: 500 } }, { at: '1m', port: 'provider-2', behaviour: {} }]
  const { providers, fraud } = await start(t, { clock, timetable })
  const statuses = (): Promise<number[]> =>
    Promise.all([...providers, fraud].map(async ({ url }) => (await call('GET', `${url}/health`)).status))
  t.same(await statuses(), [500, 500, 500, 200])
  clock.advance(60_000)
  t.same(await statuses(), [500, 200, 500, 200])
})

test('a port in use fails the start in one line, leaves nothing listening and no ledger touched', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const ledgerPath = join(t.testdir(), 'ledger.ndjson')
  await t.rejects(startSimulator({ ledgerPath, webhookPort: port }), {
    message: `Cannot listen on 127.0.0.1:${port} for webhook: the port is in use`,
  })
  t.notOk(existsSync(ledgerPath))
})

test('a wrong timetable or a broken ledger fails the start', async (t) => {
  const ledgerPath = join(t.testdir(), 'ledger.ndjson')
  const timetable = [{ at: 0, port: 'nobody', behaviour: {} }]
  await t.rejects(startSimulator({ ledgerPath, timetable }), { message: /\[0\]\.port must be one of/ })
  writeFileSync(ledgerPath, 'rubbish\n')
  await t.rejects(startSimulator({ ledgerPath }), { message: /line 1 must be a charge, got rubbish/ })
})

test('closing ends stalled, waiting and endless requests, executes none of them, and may be repeated', async (t) => {
  const simulator = await start(t)
  const [stalling, limited, endless] = simulator.providers.map((one) => one.port) as [number, number, number]
  simulator.setBehaviour(stalling, { stall: true })
  simulator.setBehaviour(limited, { capacity: 1, latency: '5m' })
  simulator.setBehaviour(endless, { body: 'endless' })
  const raws = [stalling, limited, limited].map((port, i) => sendRaw(t, port, '/v1/charges', order(`r${i}`)))
  raws.push(sendRaw(t, endless, '/health'))
  const inFlight = async (): Promise<number> => {
    const states = await Promise.all(simulator.providers.map(({ url }) => call('GET', `${url}/_control`)))
    return states.reduce((sum, one) => sum + Number(one.body['inFlight']), 0)
  }
  await until(async () => (await inFlight()) === 4)
  await Promise.all([simulator.close(), simulator.close()])
  await until(() => raws.every((raw) => raw.ended() !== 'open'))
  t.equal(simulator.ledger.summary().count, 0)
  await t.rejects(charge(simulator.providers[0]!.url, 'r'), 'nobody listens')
})

test('closing sends away who waits for capacity, unexecuted', async (t) => {
  const simulator = await start(t)
  const { port, url } = simulator.providers[0]!
  simulator.setBehaviour(port, { capacity: 1, stall: 'after' })
  for (const reference of ['r0', 'r1']) sendRaw(t, port, '/v1/charges', order(reference))
  await until(async () => (await call('GET', `${url}/_control`)).body['waiting'] === 1)
  await simulator.close()
  t.equal(simulator.ledger.summary().count, 1)
})

test('closing lets a charge in flight finish within the grace', async (t) => {
  const ledgerPath = join(t.testdir(), 'ledger.ndjson')
  const simulator = await start(t, { ledgerPath, closeGraceMs: 5_000 })
  const { port, url } = simulator.providers[0]!
  simulator.setBehaviour(port, { latency: '100ms' })
  const raw = sendRaw(t, port, '/v1/charges', order('r'))
  await until(async () => (await call('GET', `${url}/_control`)).body['inFlight'] === 1)
  const startedAt = performance.now()
  await simulator.close()
  t.ok(performance.now() - startedAt < 4_000, 'it does not wait longer than the charge')
  await until(() => raw.received().startsWith('HTTP/1.1 201'))
  t.match(readFileSync(ledgerPath, 'utf8'), /"reference":"r"/)
})
