// A dependency ten times slower behind a service that holds a connection while it waits for it: what that does to the
// routes that do not need it, on the way in and on the way out, with a share for those that do and without.

import { test } from 'tap'
import { CallingService } from '../calling-service.ts'
import { seedsOf } from '../seeds.ts'
import type { SimCaller } from '../sim-caller.ts'
import { SimUpstream } from '../sim-upstream.ts'
import { World } from '../world.ts'

const connections = 8
const wellMs = 60
const slowMs = 600
const [slowsAt, healsAt, endsAt] = [15_000, 35_000, 50_000]

type Options = Readonly<Record<string, unknown>>

interface Outside { readonly world: World; readonly service: CallingService; readonly calls: Set<SimCaller> }

/** A service with `/charge`, which calls the provider, `/risk`, which calls the fraud check, and `/catalogue`. */
function outside(seed: number, charging: Options, upstream: Options): Outside {
  const made: { world?: World; service?: CallingService; provider?: SimUpstream } = {}
  const calls = new Set<SimCaller>()
  const world = made.world = new World({
    seed,
    upstreams: (clock) => {
      const provider = made.provider = new SimUpstream('provider', clock, { serviceMs: () => wellMs })
      const fraud = new SimUpstream('fraud', clock, { serviceMs: () => 5 })
      const service = made.service = new CallingService(clock, connections, ({ work }) => {
        const { path } = work.exchange.caller.head
        if (path === '/catalogue') return 5
        const listener = path === '/charge' ? 'provider' : 'fraud'
        const call = (made.world as World).ask({ listener, path })
        calls.add(call)
        return call
      })
      return (name) => name === 'provider' ? provider : name === 'fraud' ? fraud : service
    },
    sketch: {
      listeners: { provider: 'egress', fraud: 'egress' },
      upstreams: [
        { name: 'service', startupMs: 0, options: upstream }, { name: 'provider', startupMs: 0 },
        { name: 'fraud', startupMs: 0 },
      ],
      routes: [
        { name: 'charge', path: '/charge', options: charging },
        { name: 'rest', path: '/*' },
        { name: 'pay', listener: 'provider', upstream: 'provider' },
        { name: 'score', listener: 'fraud', upstream: 'fraud' },
      ],
    },
  })
  const { behaviour } = made.provider as SimUpstream
  world.clock.after(slowsAt, () => { behaviour.serviceMs = () => slowMs })
  world.clock.after(healsAt, () => { behaviour.serviceMs = () => wellMs })
  const rates = { '/charge': 25, '/catalogue': 40, '/risk': 20 }
  for (const [path, ratePerSecond] of Object.entries(rates)) {
    world.arrive({ ratePerSecond, fromMs: 0, untilMs: endsAt, ask: { path }, patienceMs: 3_000 }, path)
  }
  return { world, service: made.service as CallingService, calls }
}

interface Figures { readonly good: number; readonly p99Ms: number }

function figuresOf(callers: readonly SimCaller[], fromMs: number, untilMs: number): Figures {
  const asked = callers.filter(({ askedAt }) => askedAt >= fromMs && askedAt < untilMs)
  const good = asked.filter(({ status, end }) => status === 200 && end === 'complete')
  const times = good.map(({ askedAt, headAt }) => headAt - askedAt).toSorted((a, b) => a - b)
  return { good: good.length / asked.length, p99Ms: times[Math.floor(times.length * 0.99)] ?? Infinity }
}

/** Of a path on the way in: before, and while the provider is slow. */
function ingress({ world, calls }: Outside, path: string): { before: Figures; meanwhile: Figures } {
  const own = world.callers.filter((caller) => caller.head.path === path && !calls.has(caller))
  return { before: figuresOf(own, 5_000, slowsAt), meanwhile: figuresOf(own, slowsAt + 5_000, healsAt) }
}

for (const seed of seedsOf([1, 2, 3])) {
  test(`S37: a slow dependency takes nothing from routes that do not need it, in or out: seed ${seed}`, async (t) => {
    const made = outside(seed, { bulkhead: { share: 0.5 } }, { bulkhead: { maxConcurrent: connections } })
    await made.world.run(endsAt + 20_000)
    for (const path of ['/catalogue', '/risk']) {
      const { before, meanwhile } = ingress(made, path)
      t.ok(meanwhile.good >= 0.95 * before.good, `${path}: ${meanwhile.good} of ${before.good}`)
      t.ok(meanwhile.p99Ms <= 1.5 * before.p99Ms, `${path}: p99 ${meanwhile.p99Ms} ms after ${before.p99Ms} ms`)
    }
    const score = [...made.calls].filter(({ head }) => head.path === '/risk')
    const [before, meanwhile] = [figuresOf(score, 5_000, slowsAt), figuresOf(score, slowsAt + 5_000, healsAt)]
    t.ok(meanwhile.good >= 0.95 * before.good, `score: ${meanwhile.good} of ${before.good}`)
    t.ok(meanwhile.p99Ms <= 1.5 * before.p99Ms, `score: p99 ${meanwhile.p99Ms} ms after ${before.p99Ms} ms`)
    const charges = made.world.callers.filter((caller) => caller.head.path === '/charge' && !made.calls.has(caller))
    const again = figuresOf(charges, healsAt + 5_000, endsAt)
    t.ok(again.good > 0.9, `${again.good} charged again after it`)
    t.equal(made.service.inUse, 0)
    t.strictSame(made.world.broken(), [])
  })
}

test('without a share the slow dependency takes the service\'s connections from all', async (t) => {
  const off = { limit: 'off', breaker: 'off' }
  const made = outside(1, { shed: 'off' }, off)
  await made.world.run(endsAt + 20_000)
  const { before, meanwhile } = ingress(made, '/catalogue')
  t.ok(before.good > 0.99)
  t.ok(meanwhile.good < 0.95 || meanwhile.p99Ms > 1.5 * before.p99Ms, 'what the share is for')
})
