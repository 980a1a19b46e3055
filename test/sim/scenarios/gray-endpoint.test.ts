// One of three endpoints is ill in each of the ways endpoints are, and heals: how much it still gets, how callers fare,
// and when it is back. Without retries: what is measured is the choice alone.

import { test } from 'tap'
import { exponential, seededRandom } from '../seeded-random.ts'
import type { SimEndpoint } from '../sim-upstream.ts'
import { World } from '../world.ts'
import { seedsOf } from '../seeds.ts'

const illAt = 20_000
const wellAt = 50_000
const endAt = 80_000
const ratePerSecond = 300

interface Illness { begin(host: SimEndpoint): void; end(host: SimEndpoint): void }

const serviceMs = 40

function illnesses(seed: number): Readonly<Record<string, Illness>> {
  const dice = seededRandom(seed, 'illness')
  const time = seededRandom(seed, 'slow')
  const clear = ({ behaviour }: SimEndpoint): void => {
    Object.assign(behaviour, { mode: 'serve', status: 200, statusOf: null, serviceMs: healthy(seed, 'healed') })
  }
  const ill = (change: (host: SimEndpoint) => void): Illness => ({ begin: change, end: clear })
  return {
    'ten times slower': ill(({ behaviour }) => { behaviour.serviceMs = () => exponential(time, 10 * serviceMs) }),
    'failing three in ten': ill(({ behaviour }) => { behaviour.statusOf = () => dice() < 0.3 ? 500 : 200 }),
    'a black hole': ill(({ behaviour }) => { behaviour.mode = 'hang' }),
    'refusing at once': ill(({ behaviour }) => Object.assign(behaviour, { status: 503, serviceMs: () => 0.2 })),
    'resetting connections': ill(({ behaviour }) => Object.assign(behaviour, { mode: 'reset', serviceMs: () => 1 })),
    'not there': ill(({ behaviour }) => { behaviour.mode = 'refused' }),
  }
}

function healthy(seed: number, name: string): () => number {
  const random = seededRandom(seed, name)
  return () => exponential(random, serviceMs)
}

interface Seen {
  readonly share: number
  readonly success: number
  readonly backAfterMs: number
  readonly ejected: number
  readonly breakerOpened: number
  readonly world: World
}

async function watch(seed: number, illness: Illness, ill: readonly number[] = [2]): Promise<Seen> {
  const world = new World({
    seed,
    sketch: { upstreams: [{ name: 'service', startupMs: 0, options: { timeouts: { attempt: 1_000 } } }] },
    hosts: [0, 1, 2].map((i) => ({ slots: 16, serviceMs: healthy(seed, `service-${i}`) })),
  })
  const hosts = world.upstream.hosts
  world.arrive({ ratePerSecond, fromMs: 0, untilMs: endAt })
  const sick = ill.map((i) => hosts[i] as SimEndpoint)
  world.clock.after(illAt, () => { for (const host of sick) illness.begin(host) })
  world.clock.after(wellAt, () => {
    for (const host of sick) illness.end(host)
    world.upstream.nudge()
  })
  await world.run(endAt + 20_000)
  const attempts = world.joined.record.attempts
  const last = world.upstream.endpoints[2]
  const during = attempts.filter(({ startedAt }) => startedAt > illAt + 6_000 && startedAt < wellAt)
  const after = attempts.filter(({ startedAt, endpoint }) => startedAt > wellAt && endpoint === last)
  const callers = world.callers.filter(({ askedAt }) => askedAt > illAt + 6_000 && askedAt < wellAt)
  // Back: it gets a sixth of all calls again, half of its share, over a second.
  const times = after.map(({ startedAt }) => startedAt)
  const half = ratePerSecond / 6
  const back = times.find((_, i) => (times[i + half] ?? Infinity) - (times[i] as number) < 1_000) ?? Infinity
  const { announced } = world.joined
  return {
    share: during.filter(({ endpoint }) => endpoint === last).length / during.length,
    success: callers.filter(({ status }) => status === 200).length / callers.length,
    backAfterMs: back - wellAt,
    ejected: new Set(announced.filter(({ what }) => what === 'endpoint-ejected')
      .map((one) => 'endpoint' in one ? one.endpoint : '')).size,
    breakerOpened: announced.filter(({ what }) => what === 'breaker-opened').length,
    world,
  }
}

for (const name of Object.keys(illnesses(1))) {
  for (const seed of seedsOf([1, 2, 3])) {
    test(`E15: of three, one that is ${name} gets at most 5 % after six seconds, seed ${seed}`, async (t) => {
      const illness = illnesses(seed)[name] as Illness
      const seen = await watch(seed, illness)
      t.comment(`share ${seen.share}, success ${seen.success}, back after ${seen.backAfterMs} ms`)
      t.ok(seen.share <= (name === 'refusing at once' ? 0.02 : 0.05), `its share is ${seen.share}`)
      t.ok(seen.success >= 0.995, `${seen.success} of all callers were served`)
      t.ok(seen.backAfterMs <= 15_000, `back after ${seen.backAfterMs} ms`)
      t.equal(seen.breakerOpened, 0, 'the others were never cut off')
      t.ok(seen.ejected <= 1, 'nobody else was put out')
      t.strictSame(seen.world.broken(), [])
    })
  }
}

test('S35: where all endpoints fail nobody is put out, and the breaker opens', async (t) => {
  for (const name of ['failing', 'refusing at once', 'a black hole'] as const) {
    const all: Illness = name === 'failing'
      ? { begin: ({ behaviour }) => { behaviour.status = 500 }, end: ({ behaviour }) => { behaviour.status = 200 } }
      : illnesses(1)[name] as Illness
    const seen = await watch(1, all, [0, 1, 2])
    t.equal(seen.ejected, 0, `${name}: ejected`)
    t.ok(seen.breakerOpened > 0, `${name}: the breaker opened`)
    t.strictSame(seen.world.broken(), [])
  }
})
