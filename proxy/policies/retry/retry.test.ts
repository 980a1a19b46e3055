import { test } from 'tap'
import { ScriptedUpstream } from '../../../test/sim/scripted-upstream.ts'
import type { Play, Script } from '../../../test/sim/scripted-upstream.ts'
import { World } from '../../../test/sim/world.ts'
import type { RouteSketch, Sketch } from '../../../test/support/plans.ts'
import type { BodySource } from '../../core/body.ts'
import { WholeBody } from '../../core/whole-body.ts'

interface Shape extends Script {
  readonly retry?: object
  readonly options?: object
  /** What else is said of the route. */
  readonly route?: RouteSketch
  readonly upstream?: object
  readonly mode?: Sketch['mode']
  readonly seed?: number
}

/** What comes of the first, second and later calls; the last one stays. */
function plays(...list: Play[]): (call: { n: number }) => Play {
  return ({ n }) => list[Math.min(n, list.length) - 1] as Play
}

function worldOf(shape: Shape): { world: World; upstream: ScriptedUpstream } {
  let upstream: ScriptedUpstream | null = null
  const world = new World({
    seed: shape.seed ?? 1,
    sketch: {
      mode: shape.mode ?? 'enforce',
      upstreams: [{ name: 'service', startupMs: 0, options: { breaker: 'off', limit: 'off', ...shape.upstream } }],
      routes: [{ ...shape.route, options: { retry: { ...shape.retry }, ...shape.options } }],
    },
    upstreams: (clock) => {
      upstream = new ScriptedUpstream('service', clock, shape)
      const made = upstream
      return () => made
    },
  })
  return { world, upstream: upstream as unknown as ScriptedUpstream }
}

const reset: Play = { fault: 'upstream.reset' }
const refused: Play = { fault: 'upstream.refused' }
const text = (content: string): BodySource => new WholeBody([Buffer.from(content)], content.length, null)
const ok: Play = { status: 200, body: 'ok' }

test('a failed GET is asked again, and the caller sees the good answer only', async (t) => {
  for (const first of [reset, refused, { status: 503 }, { status: 502 }, { status: 504 }, { status: 429 }] as Play[]) {
    const { world, upstream } = worldOf({ play: plays(first, ok) })
    const caller = world.ask()
    await world.run(10_000)
    t.equal(caller.status, 200, JSON.stringify(first))
    t.equal(caller.text, 'ok')
    t.equal(upstream.calls.length, first === refused ? 1 : 2)
    t.strictSame(world.broken(), [])
  }
})

test('500 and what is not a failure are never asked again', async (t) => {
  for (const status of [200, 204, 304, 400, 404, 408, 409, 500, 501]) {
    const { world, upstream } = worldOf({ play: plays({ status }, ok) })
    const caller = world.ask()
    await world.run(10_000)
    t.equal(caller.status, status)
    t.equal(upstream.calls.length, 1)
  }
})

test('what changes something is sent once, unless not a byte of it was', async (t) => {
  for (const first of [reset, { status: 503 }, { status: 502 }, 'hang'] as Play[]) {
    const { world, upstream } = worldOf({ play: plays(first, ok), options: { timeouts: { attempt: 100 } } })
    world.ask({ method: 'POST', body: text('pay') })
    await world.run(10_000)
    t.equal(upstream.calls.length, 1, JSON.stringify(first))
    t.strictSame(world.broken(), [])
  }
  const { world, upstream } = worldOf({ play: plays(refused, ok) })
  const caller = world.ask({ method: 'POST', body: text('pay') })
  await world.run(10_000)
  t.equal(caller.status, 200)
  t.equal(upstream.calls[0]?.body, 'pay$')
})

test('a reset behind a refused connection is not mistaken for unsent', async (t) => {
  const { world, upstream } = worldOf({ play: plays(refused, reset, ok) })
  const caller = world.ask({ method: 'POST', body: text('pay') })
  await world.run(10_000)
  t.equal(upstream.calls.length, 1)
  t.equal(caller.code, 'upstream.reset')
})

test('where the upstream deduplicates, all attempts carry one key: the caller\'s, else one of ours', async (t) => {
  const deduplicates = { header: 'Idempotency-Key' }
  for (const headers of [[], ['idempotency-key', 'k-1']]) {
    const { world, upstream } = worldOf({ play: plays(reset, reset, ok), upstream: { deduplicates } })
    const caller = world.ask({ method: 'POST', headers, body: text('pay') })
    await world.run(10_000)
    t.equal(caller.status, 200)
    t.strictSame(upstream.calls.map(({ body }) => body), ['pay$', 'pay$', 'pay$'])
    const fields = upstream.calls.map(({ attempt }) => attempt.work.requestFields)
    if (headers.length > 0) t.strictSame(fields, [null, null, null], 'the caller\'s key goes on by itself')
    else {
      t.match(fields[0]?.[1], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      t.equal(fields[0]?.[0], 'idempotency-key')
    }
  }
})

test('with passthrough a request without a key stays sent once, and so does one with two', async (t) => {
  for (const headers of [[], ['idempotency-key', 'a', 'idempotency-key', 'b']]) {
    const { world, upstream } = worldOf({
      play: plays(reset, ok), upstream: { deduplicates: { key: 'passthrough' } },
    })
    world.ask({ method: 'POST', headers })
    await world.run(10_000)
    t.equal(upstream.calls.length, 1)
  }
})

test('a key that ends at this hop is none: the request is sent once, or with one of ours', async (t) => {
  const nominated = ['connection', 'X-Pay-Key', 'x-pay-key', 'k-1']
  const dropped = { requestHeaders: { set: {}, remove: ['X-Pay-Key'] } }
  for (const [headers, route] of [[nominated, {}], [['x-pay-key', 'k-1'], dropped]] as const) {
    for (const [key, calls] of [['passthrough', 1], ['per-call', 2]] as const) {
      const { world, upstream } = worldOf({
        play: plays(reset, ok), upstream: { deduplicates: { header: 'X-Pay-Key', key } }, route,
      })
      world.ask({ method: 'POST', headers, body: text('pay') })
      await world.run(10_000)
      t.equal(upstream.calls.length, calls, key)
      const own = upstream.calls.map(({ attempt }) => attempt.work.requestFields?.[0])
      t.strictSame(own, key === 'passthrough' ? [undefined] : ['x-pay-key', 'x-pay-key'])
    }
  }
})

test('the last real answer is what the caller sees, with its body', async (t) => {
  const { world, upstream } = worldOf({ play: ({ n }) => ({ status: 503, body: `failure ${n}` }) })
  const caller = world.ask()
  await world.run(10_000)
  t.equal(upstream.calls.length, 3)
  t.equal(caller.status, 503)
  t.equal(caller.text, 'failure 3')
  t.strictSame(world.broken(), [])
})

test('a refusal of ours does not hide the answer before it, nor does a connection nobody accepts', async (t) => {
  const full = worldOf({
    play: ({ n }) => n === 2 ? 'hang' : { status: 503, body: 'busy' }, upstream: { bulkhead: { maxConcurrent: 1 } },
    options: { deadline: { default: 5_000 } }, retry: { backoff: { base: 1_000 } },
  })
  const first = full.world.ask()
  // While the first backs off, the second takes the only permit.
  full.world.clock.after(11, () => { full.world.ask() })
  await full.world.run(20_000)
  t.equal(first.status, 503)
  t.equal(first.text, 'busy')
  t.strictSame(full.world.broken(), [])
  const gone = worldOf({ play: plays({ status: 503, body: 'busy' }, refused) })
  const caller = gone.world.ask()
  await gone.world.run(20_000)
  t.equal(caller.text, 'busy')
  t.strictSame(gone.world.broken(), [])
})

test('a body that does not come whole in time is let go, and its permit with it', async (t) => {
  const { world, upstream } = worldOf({
    play: plays({ status: 503, body: 'slow', bodyMs: 5_000 }, ok), retry: { backoff: { base: 10 } },
  })
  const caller = world.ask()
  await world.run(1_000)
  t.equal(caller.text, 'ok')
  t.equal(upstream.calls.length, 2)
  await world.run(10_000)
  t.strictSame(world.broken(), [])
})

test('waits are jittered, doubled and bounded by half of what is left', async (t) => {
  const gaps: number[] = []
  for (let seed = 1; seed <= 200; seed++) {
    const { world, upstream } = worldOf({ seed, play: () => reset, retry: { backoff: { base: 100 } } })
    world.ask()
    await world.run(10_000)
    gaps.push((upstream.calls[1]?.at ?? 0) - 10, (upstream.calls[2]?.at ?? 0) - (upstream.calls[1]?.at ?? 0) - 10)
  }
  const of = (odd: number): number[] => gaps.filter((_, i) => i % 2 === odd)
  const mean = (list: number[]): number => list.reduce((sum, gap) => sum + gap, 0) / list.length
  t.ok(Math.max(...of(0)) <= 100 && Math.max(...of(1)) <= 200)
  t.ok(Math.abs(mean(of(0)) - 50) < 10, `mean of the first wait ${mean(of(0))}`)
  t.ok(Math.abs(mean(of(1)) - 100) < 20, `mean of the second wait ${mean(of(1))}`)
})

test('another endpoint is asked first, and at once', async (t) => {
  const { world, upstream } = worldOf({
    endpoints: 3, play: ({ endpoint }) => endpoint === 0 ? reset : ok, retry: { backoff: { base: 10_000 } },
  })
  const callers = Array.from({ length: 3 }, () => world.ask())
  await world.run(10_000)
  t.strictSame(callers.map(({ status }) => status), [200, 200, 200])
  t.ok(callers.every(({ endedAt }) => endedAt <= 20), 'without a wait')
  t.equal(upstream.calls.filter(({ endpoint }) => endpoint === 0).length, 1)
})

test('S7: a marked overload is never asked again of the same endpoint', async (t) => {
  const marked: Play = { status: 503, headers: ['x-envoy-overloaded', 'true'] }
  const alone = worldOf({ play: () => marked })
  alone.world.ask()
  await alone.world.run(10_000)
  t.equal(alone.upstream.calls.length, 1)
  const several = worldOf({ endpoints: 2, play: () => marked })
  several.world.ask()
  await several.world.run(10_000)
  t.strictSame(several.upstream.calls.map(({ endpoint }) => endpoint).toSorted((a, b) => a - b), [0, 1], 'each once')
})

test('S7: behind a next hop that sheds half with a mark as many requests arrive as were made', async (t) => {
  const { world, upstream } = worldOf({
    play: ({ n }) => n % 2 === 0 ? { status: 503, headers: ['x-envoy-overloaded', 'true'] } : ok,
    upstream: { limit: 'off' },
  })
  world.arrive({ ratePerSecond: 50, fromMs: 0, untilMs: 20_000 })
  await world.run(30_000)
  t.equal(upstream.calls.length, world.callers.length)
})

test('Retry-After is waited for; longer than the deadline allows, nothing is sent again', async (t) => {
  const play = plays({ status: 429, headers: ['Retry-After', '2'] }, ok)
  const patient = worldOf({ endpoints: 2, play })
  const caller = patient.world.ask()
  await patient.world.run(10_000)
  t.equal(caller.status, 200)
  t.ok((patient.upstream.calls[1]?.at ?? 0) >= 2_010)
  const hurried = worldOf({ endpoints: 2, play, options: { deadline: { default: 1_000 } } })
  const other = hurried.world.ask()
  await hurried.world.run(10_000)
  t.equal(other.status, 429)
  t.equal(other.endedAt, 10, 'told at once, not at the deadline')
  t.equal(hurried.upstream.calls.length, 1)
})

test('nothing is sent at or after the deadline, and who sleeps wakes with its exchange', async (t) => {
  for (let seed = 1; seed <= 50; seed++) {
    const { world, upstream } = worldOf({
      seed, play: () => reset, retry: { maxAttempts: 10, backoff: { base: 60 } },
      options: { deadline: { default: 300 } },
    })
    const stays = world.ask()
    const leaves = world.ask()
    world.clock.after(35, () => { leaves.leave() })
    await world.run(1_000)
    t.ok(upstream.calls.every(({ at }) => at < 300), `seed ${seed}`)
    t.ok(stays.endedAt <= 300)
    t.equal(leaves.end, 'left')
    t.strictSame(world.broken(), [], `seed ${seed}`)
  }
})

test('a back-off leaves no timer behind when its caller has left', async (t) => {
  const { world } = worldOf({ play: () => reset, retry: { backoff: { base: 60_000, max: 60_000 } } })
  const callers = Array.from({ length: 5 }, () => world.ask())
  await world.run(100)
  for (const caller of callers) caller.leave()
  await world.run(101)
  t.strictSame(world.broken(), [])
})

test('the budget is shared by the routes of an upstream, and only successes fill it', async (t) => {
  const { world, upstream } = worldOf({ play: () => reset, retry: { backoff: { base: 1, max: 1 } } })
  for (let i = 0; i < 100; i++) world.ask()
  await world.run(1_000)
  t.equal(upstream.calls.length - 100, 10, 'the reserve and no more')
  const page = world.joined.meter.families()
  const values = (name: string): number[] => page.filter((family) => family.name === name)
    .flatMap((family) => family.samples().map(({ value }) => value))
  t.strictSame(values('seawall_retries_total'), [10])
  t.ok((values('seawall_retry_budget')[0] as number) < 1)
  t.strictSame(world.broken(), [])
})

test('a body too large to keep is sent once, whole', async (t) => {
  const { world, upstream } = worldOf({ play: plays(reset, ok), retry: { maxBodyBytes: 10 } })
  const caller = world.ask({ method: 'PUT', body: text('more than ten bytes') })
  const small = world.ask({ method: 'PUT', body: text('ten bytes') })
  await world.run(10_000)
  t.equal(caller.code, 'upstream.reset')
  t.equal(upstream.calls[0]?.body, 'more than ten bytes$')
  t.equal(small.status, 200)
})

test('observe sends once and counts what it would have sent again', async (t) => {
  const { world, upstream } = worldOf({
    mode: 'observe', play: () => reset, upstream: { deduplicates: {} }, retry: { maxAttempts: 3 },
  })
  for (let i = 0; i < 3; i++) world.ask({ method: i === 2 ? 'POST' : 'GET' })
  await world.run(10_000)
  t.equal(upstream.calls.length, 3)
  t.ok(upstream.calls.every(({ attempt }) => attempt.work.requestFields === null), 'no key of ours')
  const [shown] = [...world.joined.parts.shown()].filter(({ name }) => name === 'retry')
  t.match(shown?.inspect(), { sentAgain: 0, wouldHaveSentAgain: 2 })
  t.strictSame(world.broken(), [])
})
