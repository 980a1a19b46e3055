// One request's way through a port: stalls, capacity, latency, errors, and clients that leave.

import { test } from 'tap'
import type { BehaviourInput } from './behaviour.ts'
import { MAX_HOLD_MS } from './behaviour.ts'
import { ManualClock } from './manual-clock.ts'
import type { Simulator } from './simulator.ts'
import { call, charge, order, sendRaw, start, until } from './test-bench.ts'
import type { Test } from 'tap'

async function bench(t: Test, behaviour: BehaviourInput): Promise<{
  clock: ManualClock
  simulator: Simulator
  url: string
  port: number
  state: () => Promise<Record<string, number>>
}> {
  const clock = new ManualClock()
  const simulator = await start(t, { clock })
  simulator.setBehaviour('provider', behaviour)
  const { url, port } = simulator.providers[0]!
  const state = async (): Promise<Record<string, number>> =>
    (await call('GET', `${url}/_control`)).body as Record<string, number>
  return { clock, simulator, url, port, state }
}

test('a stalled request is accepted and not answered until the port is changed back, then goes on', async (t) => {
  const { clock, simulator, port, state } = await bench(t, { stall: true })
  const raw = sendRaw(t, port, '/v1/charges', order('r'))
  await until(async () => (await state())['stalled'] === 1)
  clock.advance(MAX_HOLD_MS - 1)
  t.same([raw.received(), raw.ended()], ['', 'open'])
  t.equal(simulator.ledger.summary().count, 0)
  simulator.setBehaviour(port, {})
  await until(() => raw.received().startsWith('HTTP/1.1 201'))
  t.equal(simulator.ledger.summary().count, 1)
  t.equal(clock.pendingTimers, 0)
})

test('a request stalled for the longest time is reset and not executed', async (t) => {
  const { clock, simulator, port, state } = await bench(t, { stall: true })
  const raw = sendRaw(t, port, '/v1/charges', order('r'))
  await until(async () => (await state())['stalled'] === 1)
  clock.advance(MAX_HOLD_MS)
  await until(() => raw.ended() !== 'open')
  t.equal(raw.ended(), 'ECONNRESET')
  await until(async () => (await state())['inFlight'] === 0)
  t.equal(simulator.ledger.summary().count, 0)
})

test('a stall after executing holds the answer of a charge that is in the ledger', async (t) => {
  const { simulator, port, state } = await bench(t, { stall: 'after' })
  const raw = sendRaw(t, port, '/v1/charges', order('r'))
  await until(async () => (await state())['stalled'] === 1)
  t.equal(simulator.ledger.summary().count, 1)
  t.equal(raw.received(), '')
  simulator.setBehaviour(port, { stall: true })
  await until(() => raw.received().startsWith('HTTP/1.1 201'))
})

test('capacity serves so many at once, the rest wait, and those that left are served all the same', async (t) => {
  const { clock, simulator, port, state } = await bench(t, { capacity: 2, latency: '100ms' })
  const raws = []
  for (let i = 0; i < 5; i++) {
    raws.push(sendRaw(t, port, '/v1/charges', order(`r${i}`)))
    await until(async () => (await state())['inFlight'] === i + 1)
  }
  t.match(await state(), { inFlight: 5, waiting: 3 })
  raws[3]!.socket.destroy()
  clock.advance(100)
  await until(async () => (await state())['waiting'] === 1)
  t.same(simulator.ledger.charges.map((row) => row.reference).sort(), ['r0', 'r1'])
  await until(() => clock.pendingTimers === 2)
  clock.advance(100)
  await until(() => clock.pendingTimers === 1)
  clock.advance(100)
  await until(async () => (await state())['inFlight'] === 0)
  t.equal(simulator.ledger.findByReference('r3').length, 1, 'executed though its client had left')
  t.match(await state(), { counters: { executed: 5, answered: 4, clientGone: 1 } })
  t.ok(raws.every((raw, i) => i === 3 || raw.received().startsWith('HTTP/1.1 201')))
})

test('a behaviour changed while requests wait holds for them too', async (t) => {
  const { clock, simulator, port, state } = await bench(t, { capacity: 1, latency: '100ms' })
  const raws = [sendRaw(t, port, '/v1/charges', order('a'))]
  await until(() => clock.pendingTimers === 1)
  raws.push(sendRaw(t, port, '/v1/charges', order('b')))
  await until(async () => (await state())['waiting'] === 1)
  simulator.setBehaviour(port, { status: 418 })
  await until(() => raws[1]!.received().startsWith('HTTP/1.1 418'))
  t.equal(raws[0]!.received(), '', 'a latency that has begun runs its course')
  clock.advance(100)
  await until(() => raws[0]!.received().startsWith('HTTP/1.1 418'))
  t.equal(simulator.ledger.summary().count, 0)
})

test('an answer comes after its latency, not before', async (t) => {
  const { clock, port, state } = await bench(t, { latency: { type: 'constant', meanMs: '1s' } })
  const raw = sendRaw(t, port, '/v1/charges', order('r'))
  await until(() => clock.pendingTimers === 1)
  clock.advance(999)
  t.match(await state(), { inFlight: 1, counters: { executed: 0 } })
  t.equal(raw.received(), '')
  clock.advance(1)
  await until(() => raw.received().startsWith('HTTP/1.1 201'))
})

test('an error rate answers that share with its status and executes the rest, by seed', async (t) => {
  const outcomes = async (seed: number, other: BehaviourInput): Promise<number[]> => {
    const simulator = await start(t, { seed })
    simulator.setBehaviour('provider', { errorRate: 0.4, status: 429, ...other })
    const statuses = []
    for (let i = 0; i < 100; i++) statuses.push((await charge(simulator.providers[0]!.url, `r${i}`)).status)
    const failures = statuses.filter((status) => status === 429).length
    t.equal(simulator.ledger.summary().count, 100 - failures, `seed ${seed}`)
    t.ok(failures > 20 && failures < 60, `seed ${seed}: ${failures} failures`)
    await simulator.close()
    return statuses
  }
  const first = await outcomes(5, {})
  t.same(await outcomes(5, {}), first)
  t.same(await outcomes(5, { latency: { type: 'lognormal', meanMs: 1 } }), first, 'latency does not shift the errors')
  t.strictNotSame(await outcomes(6, {}), first)
})

test('health checks fail with the port unless told to stay well, and never shift the chances of charges', async (t) => {
  const { simulator, url } = await bench(t, { status: 500 })
  t.equal((await call('GET', `${url}/health`)).status, 500)
  simulator.setBehaviour('provider', { stall: true, health: 'unaffected' })
  t.equal((await call('GET', `${url}/health`)).status, 200)
  const statuses = async (checks: number): Promise<number[]> => {
    const { providers, setBehaviour, close } = await start(t, { seed: 3 })
    setBehaviour('provider', { errorRate: 0.5 })
    const seen = []
    for (let i = 0; i < 20; i++) {
      for (let check = 0; check < checks; check++) await call('GET', `${providers[0]!.url}/health`)
      seen.push((await charge(providers[0]!.url, `r${i}`)).status)
    }
    await close()
    return seen
  }
  t.same(await statuses(2), await statuses(0))
})
