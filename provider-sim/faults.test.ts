// Broken answers as a client's socket sees them: reset, truncated, slow, endless.

import { test } from 'tap'
import { ManualClock } from './manual-clock.ts'
import { call, charge, order, sendRaw, start, until } from './test-bench.ts'

test('a reset before executing is a RST, and nothing was executed', async (t) => {
  const simulator = await start(t)
  const { port, url } = simulator.providers[0]!
  simulator.setBehaviour(port, { reset: 'before' })
  const raw = sendRaw(t, port, '/v1/charges', order('r'))
  await until(() => raw.ended() !== 'open')
  t.equal(raw.ended(), 'ECONNRESET')
  t.equal(raw.received(), '')
  t.equal(simulator.ledger.summary().count, 0)
  t.match((await call('GET', `${url}/_control`)).body, { counters: { executed: 0, faults: { resetBefore: 1 } } })
})

test('a reset after executing is a RST, and the charge is in the ledger', async (t) => {
  const simulator = await start(t)
  const { port, url } = simulator.providers[0]!
  simulator.setBehaviour(port, { reset: 'after' })
  const raw = sendRaw(t, port, '/v1/charges', order('r'))
  await until(() => raw.ended() !== 'open')
  t.equal(raw.ended(), 'ECONNRESET')
  t.equal(raw.received(), '')
  t.equal(simulator.ledger.findByReference('r').length, 1)
  t.match((await call('GET', `${url}/_control`)).body, { counters: { executed: 1, faults: { resetAfter: 1 } } })
})

test('a truncated answer announces more than it sends and closes in order', async (t) => {
  const simulator = await start(t)
  const { port, url } = simulator.providers[0]!
  simulator.setBehaviour(port, { body: 'truncated' })
  const raw = sendRaw(t, port, '/v1/charges', order('r'))
  await until(() => raw.ended() !== 'open')
  t.equal(raw.ended(), 'fin')
  const [head, body] = raw.received().split('\r\n\r\n') as [string, string]
  const announced = Number(/content-length: (\d+)/.exec(head)?.[1])
  t.match(head, /^HTTP\/1\.1 201 /)
  t.ok(body.length > 0 && body.length < announced, `${body.length} of ${announced} bytes`)
  await t.rejects(charge(url, 'r2'), 'a client that counts notices')
  t.match((await call('GET', `${url}/_control`)).body, { counters: { answered: 0, faults: { truncated: 2 } } })
})

test('a slow answer sends its head at once and its body at the rate asked for', async (t) => {
  const clock = new ManualClock()
  const simulator = await start(t, { clock })
  const { port } = simulator.providers[0]!
  simulator.setBehaviour(port, { body: { type: 'slow', bytesPerSecond: 200 } })
  const raw = sendRaw(t, port, '/v1/charges', order('r'))
  const body = (): string => raw.received().split('\r\n\r\n')[1] ?? ''
  await until(() => raw.received().includes('\r\n\r\n') && clock.pendingTimers === 1)
  t.equal(body(), '')
  let elapsedMs = 0
  while (!body().endsWith('}')) {
    clock.advance(50)
    elapsedMs += 50
    const expected = Math.min(elapsedMs / 5, 80)
    await until(() => body().length >= expected && (clock.pendingTimers === 1 || body().endsWith('}')))
    t.ok(body().length <= elapsedMs / 5, `${body().length} bytes after ${elapsedMs} ms`)
  }
  t.match(JSON.parse(body()), { status: 'succeeded' })
})

test('an endless answer goes on until the client leaves, and leaves no timer', async (t) => {
  const clock = new ManualClock()
  const simulator = await start(t, { clock })
  const { port, url } = simulator.providers[0]!
  simulator.setBehaviour(port, { body: { type: 'endless', bytesPerSecond: 100_000 } })
  const raw = sendRaw(t, port, '/health')
  for (let tick = 1; tick <= 40; tick++) {
    await until(() => clock.pendingTimers === 1 && raw.received().length > (tick - 1) * 5_000)
    clock.advance(50)
  }
  await until(() => raw.received().length > 200_000)
  t.equal(raw.ended(), 'open')
  t.match(raw.received(), /transfer-encoding: chunked/i)
  raw.socket.destroy()
  const inFlight = async (): Promise<unknown> => (await call('GET', `${url}/_control`)).body['inFlight']
  t.equal(await inFlight(), 1)
  // The client's leaving is seen at a tick.
  await until(async () => {
    clock.advance(50)
    return (await inFlight()) === 0
  })
  t.equal(clock.pendingTimers, 0)
  t.match((await call('GET', `${url}/_control`)).body, { counters: { answered: 0, clientGone: 1 } })
})

test('a client that stops reading an endless answer does not fill memory', async (t) => {
  const clock = new ManualClock()
  const simulator = await start(t, { clock })
  const { port } = simulator.providers[0]!
  simulator.setBehaviour(port, { body: { type: 'endless', bytesPerSecond: 10_000_000 } })
  const raw = sendRaw(t, port, '/health')
  await until(() => raw.received() !== '')
  raw.socket.pause()
  // The kernel's buffers take some megabytes; once they are full no further tick is started.
  let heldTurns = 0
  let ticks = 0
  while (heldTurns < 50 && ticks < 200) {
    await new Promise((resolve) => setImmediate(resolve))
    if (clock.pendingTimers === 0) heldTurns += 1
    else {
      heldTurns = 0
      ticks += 1
      clock.advance(50)
    }
  }
  t.ok(ticks < 200, `held back after ${ticks} ticks of 500,000 bytes`)
})

test('an answer without a body stays whole', async (t) => {
  const simulator = await start(t)
  for (const body of ['truncated', 'slow', 'endless'] as const) {
    simulator.setBehaviour('webhook', { body })
    t.equal((await call('POST', `${simulator.webhook.url}/v1/events`, {})).status, 204)
  }
  const { body: state } = await call('GET', `${simulator.webhook.url}/_control`)
  t.match(state, { counters: { answered: 3, faults: { slow: 0 } } })
})

test('a rate breaks that share of answers, the same ones for the same seed', async (t) => {
  const outcomes = async (seed: number): Promise<string> => {
    const simulator = await start(t, { seed })
    const { url } = simulator.providers[0]!
    simulator.setBehaviour('provider', { body: { type: 'truncated', rate: 0.3 }, reset: { when: 'after', rate: 0.3 } })
    let letters = ''
    for (let i = 0; i < 100; i++) {
      letters += await call('GET', `${url}/v1/charges?reference=r`).then(() => '.', () => 'x')
    }
    const { counters } = (await call('GET', `${url}/_control`)).body as { counters: { faults: Record<string, number> } }
    await simulator.close()
    return `${letters} ${counters.faults['resetAfter']} ${counters.faults['truncated']}`
  }
  const first = await outcomes(11)
  t.equal(await outcomes(11), first)
  t.not(await outcomes(12), first)
  const [letters, resets, truncated] = first.split(' ') as [string, string, string]
  t.ok(Number(resets) > 15 && Number(resets) < 45 && Number(truncated) > 8 && Number(truncated) < 40, first)
  t.equal(letters.replaceAll('.', '').length, Number(resets) + Number(truncated))
})
