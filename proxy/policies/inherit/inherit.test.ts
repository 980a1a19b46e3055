import { test } from 'tap'
import { World } from '../../../test/sim/world.ts'
import type { SimCaller } from '../../../test/sim/sim-caller.ts'
import { Lineage } from './lineage.ts'

const trace = 'a'.repeat(32)
const traceparent = (traceId = trace, parentId = 'b'.repeat(16)): string[] =>
  ['traceparent', `00-${traceId}-${parentId}-01`]

/** An ingress route and an egress route, both in front of an upstream that takes its time. */
function worldOf(
  serviceMs: number, options: Readonly<Record<string, unknown>> = {}, mode: 'enforce' | 'observe' = 'enforce',
): World {
  return new World({
    sketch: {
      mode, listeners: { provider: 'egress' },
      routes: [
        { name: 'charge', options: { deadline: { default: 5_000 } } },
        { name: 'pay', listener: 'provider', options },
      ],
    },
    upstream: { serviceMs: () => serviceMs },
  })
}

const call = (world: World, method = 'GET', headers = traceparent()): SimCaller =>
  world.ask({ listener: 'provider', method, headers })

test('a call inherits what is left of the deadline of the exchange it is made for', async (t) => {
  const world = worldOf(60_000)
  world.ask({ headers: [...traceparent(), 'x-request-timeout-ms', '300'] })
  await world.run(100)
  const made = call(world)
  await world.run(100_000)
  t.equal(made.code, 'deadline.expired')
  t.equal(made.endedAt, 300, 'not 300 ms after it was made')
  t.strictSame(world.broken(), [])
})

test('its own deadline holds where that is the stricter one', async (t) => {
  const world = worldOf(60_000, { deadline: { default: 50 } })
  world.ask({ headers: traceparent() })
  const made = call(world)
  await world.run(10_000)
  t.equal(made.endedAt, 50)
})

test('of several exchanges of one trace the strictest deadline holds', async (t) => {
  const world = worldOf(60_000)
  for (const ms of ['400', '200', '300']) world.ask({ headers: [...traceparent(), 'x-request-timeout-ms', ms] })
  const made = call(world)
  await world.run(10_000)
  t.equal(made.endedAt, 200)
})

test('a parent-id of ours names the one exchange it belongs to', async (t) => {
  const lineage = new Lineage()
  const kinOf = (spanId: string): ReturnType<Lineage['join']> => lineage.join({ spanId } as never, trace, 0)
  const [, second] = [kinOf('1'.repeat(16)), kinOf('2'.repeat(16))]
  t.strictSame(lineage.find({ traceId: trace, parentId: '2'.repeat(16), flags: '01' }, 0), [second])
  t.equal(lineage.find({ traceId: trace, parentId: '3'.repeat(16), flags: '01' }, 0).length, 2)
})

test('when the caller has left, a safe call is cut and the service is told', async (t) => {
  const world = worldOf(60_000)
  const caller = world.ask({ headers: traceparent() })
  await world.run(10)
  const made = call(world)
  await world.run(20)
  caller.leave()
  await world.run(100_000)
  t.equal(made.code, 'caller.gone')
  t.equal(made.endedAt, 20)
  t.strictSame(world.broken(), [])
})

test('an unsafe call that may have been delivered runs to its own end', async (t) => {
  const world = worldOf(500)
  const caller = world.ask({ headers: traceparent() })
  await world.run(10)
  const made = call(world, 'POST')
  await world.run(20)
  caller.leave()
  await world.run(1_000)
  t.equal(made.status, 200)
  t.strictSame(world.broken(), [])
})

test('a call that comes after its caller has left is not sent', async (t) => {
  const world = worldOf(500)
  world.ask({ headers: traceparent() }).leave()
  await world.run(10)
  const made = call(world, 'POST')
  await world.run(20)
  t.equal(made.code, 'caller.gone')
  t.equal(world.joined.record.attempts.filter(({ work }) => work.exchange.plan.route === 'pay').length, 0)
})

test('as long as one of them waits, the call goes on', async (t) => {
  const world = worldOf(500)
  const gone = world.ask({ headers: traceparent() })
  world.ask({ headers: traceparent() })
  await world.run(10)
  const made = call(world)
  gone.leave()
  await world.run(2_000)
  t.equal(made.status, 200)
})

test('what is called for after the answer is the business of its own route', async (t) => {
  const world = worldOf(100, { deadline: { default: 7_000 } })
  const caller = world.ask({ headers: traceparent() })
  await world.run(200)
  t.equal(caller.status, 200)
  const webhook = call(world, 'POST')
  await world.run(1_000)
  t.equal(webhook.status, 200)
})

test('calls of nobody known have the defaults of their route', async (t) => {
  const world = worldOf(60_000, { deadline: { default: 70 } })
  world.ask({ headers: [...traceparent(), 'x-request-timeout-ms', '10'] })
  const strangers = [traceparent('c'.repeat(32)), [], [...traceparent(), ...traceparent()], ['traceparent', 'nonsense']]
  const made = strangers.map((headers) => call(world, 'GET', headers))
  await world.run(1_000)
  t.strictSame(made.map(({ endedAt }) => endedAt), [70, 70, 70, 70])
})

test('without a traceparent of its caller an exchange is known by the one it is given', async (t) => {
  const world = worldOf(60_000)
  world.ask({ headers: ['x-request-id', 'd'.repeat(32), 'x-request-timeout-ms', '90'] })
  const made = call(world, 'GET', traceparent('d'.repeat(32)))
  await world.run(1_000)
  t.equal(made.endedAt, 90)
})

test('observing, nothing is inherited and nobody is cut', async (t) => {
  const world = worldOf(500, {}, 'observe')
  const caller = world.ask({ headers: [...traceparent(), 'x-request-timeout-ms', '100'] })
  const made = call(world)
  await world.run(10)
  caller.leave()
  await world.run(2_000)
  t.equal(made.status, 200)
})

test('the lineage is bounded, and forgets', async (t) => {
  const lineage = new Lineage()
  for (let i = 0; i < 12_000; i++) lineage.join({ spanId: '' } as never, String(i), 0)
  t.equal(lineage.figures()['traces'], 10_000)
  const kin = lineage.join({ spanId: '' } as never, 'left', 0)
  lineage.left(kin, 1_000)
  t.equal(lineage.find({ traceId: 'left', parentId: '', flags: '' }, 10_000).length, 1)
  t.equal(lineage.find({ traceId: 'left', parentId: '', flags: '' }, 11_000).length, 0)
  t.equal(lineage.figures()['left'], 0)
})

const lenderOf = (world: World): { readonly unsafeCalls: number } | undefined =>
  world.joined.record.exchanges.find(({ plan }) => plan.route === 'charge')

test('an exchange knows of calls made for it that were perhaps acted on, not of those that only read', async (t) => {
  for (const mode of ['enforce', 'observe'] as const) {
    for (const [method, unsafeCalls] of [['GET', 0], ['POST', 1]] as const) {
      const world = worldOf(50, { inherit: { mode } })
      world.ask({ headers: traceparent() })
      call(world, method)
      await world.run(1_000)
      t.equal(lenderOf(world)?.unsafeCalls, unsafeCalls, `${method} ${mode}`)
      t.strictSame(world.broken(), [])
    }
  }
})

test('it knows of them also while they run, and forgets those that were refused', async (t) => {
  const world = worldOf(1_000, { rateLimit: [{ key: 'all', rate: '1/s', burst: 1 }] })
  const asked = world.ask({ headers: traceparent(), method: 'POST' })
  await world.run(100)
  call(world, 'POST')
  call(world, 'POST')
  await world.run(200)
  asked.leave()
  t.equal(lenderOf(world)?.unsafeCalls, 1)
  await world.run(10_000)
  t.strictSame(world.broken(), [])
})
