// Critical requests at half of the capacity, and sheddable ones that become twelve times as many for a minute: the
// critical ones must not notice, the others get what is left, and of their users always the same ones. The whole
// pipeline takes part, since cohorts are cut at its door.

import type { SimCaller } from '../../test/sim/sim-caller.ts'
import { seededRandom, exponential } from '../../test/sim/seeded-random.ts'
import { lognormalOf } from '../../test/sim/kernel/samplers.ts'
import { World } from '../../test/sim/world.ts'
import { atLeast, atMost, quantileOf } from './criteria.ts'
import type { Criterion } from './criteria.ts'

const capacity = 200
const criticalPerSecond = 100
const calmPerSecond = 100
const spikePerSecond = 1_200
const criticalUsers = 200
const sheddableUsers = 1_200
const patienceMs = 1_000
/** Pairs further apart than this were not rivals for the same place. */
const rivalMs = 100
const settledMs = 12_000

export interface SpikeTimes {
  readonly warmMs: number
  readonly risesAtMs: number
  readonly fallsAtMs: number
}

/** As the experiment is defined; tests take less. */
export const wholeSpike: SpikeTimes = { warmMs: 10_000, risesAtMs: 30_000, fallsAtMs: 90_000 }

export interface SpikeFigures {
  /** Part of the critical requests answered in time, and their p99 before and during the spike, ms. */
  readonly critical: number
  readonly calmP99Ms: number
  readonly p99Ms: number
  /** Sheddable ones answered in time, as a part of what the critical ones leave. */
  readonly ofRest: number
  /** Pairs in which a lower class was served and a higher one refused, for each refusal. */
  readonly inversion: number
  /** Part of all users who got all or nothing in the minute. */
  readonly sure: number
  /** The same from `settledMs` on, when the cut has found its place: of all, and of those with sheddable work. */
  readonly settled: number
  readonly settledSheddable: number
  readonly broken: readonly string[]
}

const isServed = ({ status, end }: SimCaller): boolean => status === 200 && end === 'complete'
const isCritical = ({ head }: SimCaller): boolean => head.headers.length === 0

/** `limit`: options of the learned limit; equal bounds make it a static one. */
export async function playSpike(seed: number, limit: object, times: SpikeTimes = wholeSpike): Promise<SpikeFigures> {
  const work = lognormalOf(seededRandom(seed, 'work'), 40, 1)
  const world = new World({
    seed, upstream: { slots: 8, serviceMs: work },
    sketch: {
      upstreams: [{ name: 'service', startupMs: 0, options: { breaker: 'off', limit } }],
      routes: [{ options: { priority: 'critical' } }],
    },
  })
  users(world, 'critical', criticalUsers, () => criticalPerSecond, times.fallsAtMs)
  users(world, 'sheddable', sheddableUsers,
    (now) => now < times.risesAtMs ? calmPerSecond : spikePerSecond, times.fallsAtMs)
  await world.run(times.fallsAtMs + 600_000)
  return figuresOf(world, times)
}

function users(world: World, name: string, count: number, rateAt: (now: number) => number, untilMs: number): void {
  const random = seededRandom(world.seed, name)
  const headers = name === 'critical' ? [] : ['x-request-priority', name]
  const next = (): void => {
    const now = world.clock.now()
    if (now >= untilMs) return
    const user = Math.floor(random() * count)
    const caller = world.ask({ headers, remoteAddress: `${headers.length}.0.${user >> 7}.${user & 127}` })
    world.clock.after(patienceMs, () => caller.leave())
    world.clock.after(exponential(random, 1000 / rateAt(now)), next)
  }
  world.clock.after(exponential(random, 1000 / rateAt(0)), next)
}

function figuresOf(world: World, { warmMs, risesAtMs, fallsAtMs }: SpikeTimes): SpikeFigures {
  const within = (fromMs: number, untilMs: number): SimCaller[] =>
    world.callers.filter(({ askedAt }) => askedAt >= fromMs && askedAt < untilMs)
  const calm = within(warmMs, risesAtMs).filter(isCritical)
  const spike = within(risesAtMs, fallsAtMs)
  const critical = spike.filter(isCritical)
  const sheddable = spike.filter((caller) => !isCritical(caller))
  const p99 = (callers: readonly SimCaller[]): number =>
    quantileOf(callers.filter(isServed).map(({ askedAt, endedAt }) => endedAt - askedAt), 0.99)
  const late = spike.filter(({ askedAt }) => askedAt >= risesAtMs + settledMs)
  const seconds = (fallsAtMs - risesAtMs) / 1000
  return {
    critical: critical.filter(isServed).length / critical.length,
    calmP99Ms: p99(calm), p99Ms: p99(critical),
    ofRest: sheddable.filter(isServed).length / seconds / (capacity - criticalPerSecond),
    inversion: inversionOf(spike),
    sure: sureOf(spike), settled: sureOf(late), settledSheddable: sureOf(late.filter((caller) => !isCritical(caller))),
    broken: world.broken(),
  }
}

/** Pairs of a sheddable one that was served and a critical one that was refused close by, for each refusal. */
function inversionOf(callers: readonly SimCaller[]): number {
  const refused = callers.filter(({ code }) => code !== null)
  const admitted = callers.filter((caller) => !isCritical(caller) && isServed(caller))
  const pairs = refused.filter(isCritical).reduce((sum, { endedAt }) => sum
    + admitted.filter((other) => Math.abs(other.headAt - endedAt) <= rivalMs).length, 0)
  return pairs / Math.max(1, refused.length)
}

/** The part of users who got all or nothing. */
function sureOf(callers: readonly SimCaller[]): number {
  const ratios = [...Map.groupBy(callers, ({ remoteAddress }) => remoteAddress).values()]
    .map((asked) => asked.filter(isServed).length / asked.length)
  return ratios.filter((ratio) => ratio === 0 || ratio === 1).length / ratios.length
}

export function spikeCriteria(figures: SpikeFigures): readonly Criterion[] {
  return [
    atLeast('critical served', figures.critical, 0.995),
    atMost('p99 of the critical over that before', figures.p99Ms / figures.calmP99Ms, 2.5),
    atLeast('sheddable served of what is left', figures.ofRest, 0.9),
    atMost('inversion', figures.inversion, 0.001),
    atLeast('users who get all or nothing', figures.sure, 0.95),
  ]
}
