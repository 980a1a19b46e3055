// Endpoints that have a name: who is asked for it and how often, that a changed record is followed, and that
// connections to where the name pointed before come to an end.

import type { LookupAddress } from 'node:dns'
import { test } from 'tap'
import type { Test } from 'tap'
import { seededRandom } from '../../test/sim/seeded-random.ts'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { systemClock } from '../core/clock.ts'
import type { Upstream } from '../core/upstream.ts'
import { createHttp1Upstream } from './http1-upstream.ts'
import { always, answer, sendOver } from './fixtures/leaf-bench.ts'
import { leafOptions } from './fixtures/leaf-fixture.ts'
import { ScriptedOrigin } from './fixtures/scripted-origin.ts'
import { NameLookup } from './name-lookup.ts'
import type { Lookup } from './name-lookup.ts'

const v4 = (...addresses: readonly string[]): LookupAddress[] =>
  addresses.map((address) => ({ address, family: 4 }))

const failing = (code: string): Error => Object.assign(new Error(code), { code })

/** A resolver whose answers a test gives by hand. */
class Resolver {
  asked = 0
  answer: Error | LookupAddress[] = v4('127.0.0.1')
  readonly lookup: Lookup = (_name, answer) => {
    this.asked++
    const given = this.answer
    systemClock.endOfTurn(() => { if (given instanceof Error) answer(given, []); else answer(null, given) })
  }
}

function resolved(lookup: NameLookup): Promise<readonly string[] | Error> {
  return new Promise((resolve) => {
    lookup.resolve('a.test', { all: true }, (error, addresses) => {
      resolve(error ?? (addresses as LookupAddress[]).map(({ address }) => address))
    })
  })
}

function lookupOf(resolver: Resolver, clock: VirtualClock, seed = 1): NameLookup {
  return new NameLookup({ name: 'a.test', clock, random: seededRandom(seed), lookup: resolver.lookup })
}

test('one question serves all who wait for it, and those who come within a second', async (t) => {
  const [resolver, clock] = [new Resolver(), new VirtualClock()]
  const lookup = lookupOf(resolver, clock)
  const answers = await Promise.all(Array.from({ length: 50 }, () => resolved(lookup)))
  t.ok(answers.every((addresses) => Array.isArray(addresses) && addresses[0] === '127.0.0.1'))
  await resolved(lookup)
  t.equal(resolver.asked, 1)
  await clock.run(1001)
  resolver.answer = v4('127.0.0.2')
  t.strictSame(await resolved(lookup), ['127.0.0.2'])
  t.equal(resolver.asked, 2)
})

test('a name that is gone is gone, a resolver that is gone is not: for five minutes', async (t) => {
  const [resolver, clock] = [new Resolver(), new VirtualClock()]
  const lookup = lookupOf(resolver, clock)
  await resolved(lookup)
  await clock.run(2000)
  resolver.answer = failing('ENOTFOUND')
  t.match(await resolved(lookup), { code: 'ENOTFOUND' })
  resolver.answer = failing('EAI_AGAIN')
  t.strictSame(await resolved(lookup), ['127.0.0.1'])
  await clock.run(300_001)
  t.match(await resolved(lookup), { code: 'EAI_AGAIN' })
})

test('a name without an address is a name that is not there', async (t) => {
  const resolver = new Resolver()
  resolver.answer = []
  t.match(await resolved(lookupOf(resolver, new VirtualClock())), { code: 'ENOTFOUND' })
})

test('several addresses take turns, those of the preferred family first', async (t) => {
  const [resolver, clock] = [new Resolver(), new VirtualClock()]
  const six: LookupAddress = { address: '::1', family: 6 }
  resolver.answer = [six, ...v4('127.0.0.1', '127.0.0.2', '127.0.0.3')]
  for (const seed of [1, 2, 3]) t.equal((await resolved(lookupOf(resolver, clock, seed)) as string[])[0], '::1')
  resolver.answer = [...v4('127.0.0.1', '127.0.0.2', '127.0.0.3'), six]
  const lookup = lookupOf(resolver, clock)
  const firsts: Record<string, number> = {}
  for (let i = 0; i < 300; i++) {
    const [first, , , last] = await resolved(lookup) as string[]
    firsts[first as string] = (firsts[first as string] ?? 0) + 1
    t.equal(last, '::1')
  }
  t.equal(Object.keys(firsts).length, 3)
  for (const count of Object.values(firsts)) t.ok(count > 60, JSON.stringify(firsts))
})

/** An origin on two addresses, and an upstream that knows it by name. */
async function named(t: Test, resolver: Resolver, clock: VirtualClock): Promise<{
  readonly upstream: Upstream; readonly ask: () => Promise<string>
}> {
  const first = await ScriptedOrigin.listen(always(answer('hi', 'Keep-Alive: timeout=600\r\n')))
  t.teardown(() => first.close())
  const endpoints = [{ url: `http://a.test:${first.port}`, host: 'a.test', port: first.port, isSecure: false }]
  const upstream = createHttp1Upstream({
    ...leafOptions([], { endpoints, clock, random: () => 0.5 }), lookup: resolver.lookup,
  })
  t.teardown(() => { upstream.close() })
  return { upstream, ask: async () => {
    const sent = sendOver(upstream)
    await clock.run(clock.now())
    const outcome = await sent.outcome
    await sent.closed
    return outcome.kind === 'failed' ? outcome.fault : outcome.kind
  } }
}

test('a kept connection to a named endpoint ends after a minute, and the name is asked for again', async (t) => {
  const [resolver, clock] = [new Resolver(), new VirtualClock()]
  const { upstream, ask } = await named(t, resolver, clock)
  // Each request keeps the connection from growing idle; only its age is left to end it.
  for (let at = 0; at < 60_000; at += 20_000) {
    await clock.run(at)
    t.equal(await ask(), 'reply')
  }
  t.match(upstream.inspect(), { connectionsOpened: 1, connectionsReused: 2 })
  resolver.answer = failing('ENOTFOUND')
  await clock.run(59_999)
  t.equal(await ask(), 'reply')
  await clock.run(60_001)
  t.equal(await ask(), 'upstream.dns')
  t.match(upstream.inspect(), { connections: 0 })
})

test('an attempt that runs when its connection grows old is not disturbed', async (t) => {
  const [resolver, clock] = [new Resolver(), new VirtualClock()]
  const { promise: going, resolve: go } = Promise.withResolvers<void>()
  const origin = await ScriptedOrigin.listen(async (peer) => {
    await peer.head()
    await going
    peer.send(answer('hi'))
  })
  t.teardown(() => origin.close())
  const endpoints = [{ url: `http://a.test:${origin.port}`, host: 'a.test', port: origin.port, isSecure: false }]
  const upstream = createHttp1Upstream({ ...leafOptions([], { endpoints, clock }), lookup: resolver.lookup })
  const sent = sendOver(upstream)
  while (origin.peers[0]?.total === undefined || origin.peers[0].total === 0) {
    await new Promise<void>((resolve) => { systemClock.endOfTurn(resolve) })
  }
  await clock.run(200_000)
  go()
  t.equal((await sent.body()).text, 'hi')
  await sent.closed
  await origin.peers[0]?.closed
})

test('a resolver that does not answer is a connect timeout', async (t) => {
  const clock = new VirtualClock()
  const endpoints = [{ url: 'http://a.test', host: 'a.test', port: 80, isSecure: false }]
  const upstream = createHttp1Upstream({ ...leafOptions([], { endpoints, clock }), lookup: () => {} })
  const sent = sendOver(upstream)
  await clock.run(2001)
  t.equal(await sent.fault(), 'upstream.connect-timeout')
  t.equal(sent.attempt.work.delivered, 'no')
})

test('an address that is dead is passed over for the next one of the name', async (t) => {
  const resolver = new Resolver()
  const origin = await ScriptedOrigin.listen(always(answer('hi')))
  t.teardown(() => origin.close())
  // Nobody listens on the other addresses of loopback at this port.
  resolver.answer = v4('127.0.0.77', '127.0.0.78', '127.0.0.1')
  const endpoints = [{ url: `http://a.test:${origin.port}`, host: 'a.test', port: origin.port, isSecure: false }]
  for (const seed of [1, 2, 3, 4, 5]) {
    const upstream = createHttp1Upstream({
      ...leafOptions([], { endpoints, random: seededRandom(seed) }), lookup: resolver.lookup,
    })
    t.equal((await sendOver(upstream).body()).text, 'hi', `seed ${seed}`)
    upstream.close()
  }
})

test('how long a new connection took is told once for each', async (t) => {
  const clock = new VirtualClock()
  const waits: number[] = []
  const origin = await ScriptedOrigin.listen(always(answer('hi')))
  t.teardown(() => origin.close())
  const endpoints = [{ url: `http://a.test:${origin.port}`, host: 'a.test', port: origin.port, isSecure: false }]
  const upstream = createHttp1Upstream({
    ...leafOptions([], { endpoints, clock }),
    lookup: (_name, answered) => { clock.after(120, () => { answered(null, v4('127.0.0.1')) }) },
    onConnectionWait: (waitedMs) => { waits.push(waitedMs) },
  })
  t.teardown(() => { upstream.close() })
  const first = sendOver(upstream)
  await clock.run(120)
  await first.body()
  await first.closed
  const second = sendOver(upstream)
  await clock.run(121)
  await second.body()
  t.strictSame(waits, [120])
})
