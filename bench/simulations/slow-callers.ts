// Callers who are slow with their bytes, beside others at 0.6 of the capacity: fifty who read an answer of a megabyte
// at a kilobyte a second, two hundred who send their body at a hundred bytes a second. What they take of a service is
// next to nothing, and so must be what they take of its limit.

import type { EndpointLimits } from '../../proxy/algorithms/endpoint-limits.ts'
import { doorKey } from '../../proxy/policies/shed/door.ts'
import type { Door } from '../../proxy/policies/shed/door.ts'
import { lognormalOf } from '../../test/sim/kernel/samplers.ts'
import { PacedBody, SlowReader } from '../../test/sim/paced-body.ts'
import { PacedUpstream } from '../../test/sim/paced-upstream.ts'
import type { SimCaller } from '../../test/sim/sim-caller.ts'
import { exponential, seededRandom } from '../../test/sim/seeded-random.ts'
import { World } from '../../test/sim/world.ts'
import { atLeast, atMost, meanOf } from './criteria.ts'
import type { Criterion } from './criteria.ts'

const ratePerSecond = 120
const readers = 50
const senders = 200
const answerBytes = 2 ** 20
const requestBytes = 6_000
const patienceMs = 1_000
/** Who is slow and is refused comes back after this long. */
const againMs = 1_000
/** By then the start is over. */
const lookFromMs = 5_000

export interface SlowTimes {
  /** Alone until here. */
  readonly slowFromMs: number
  /** All slow ones have come. */
  readonly slowAllMs: number
  readonly untilMs: number
}

/** As the experiment is defined; tests take less. */
export const wholeSlow: SlowTimes = { slowFromMs: 20_000, slowAllMs: 40_000, untilMs: 100_000 }

export interface SlowFigures {
  /** Of the others: answered in time, and refused; as parts. */
  readonly served: number
  readonly refused: number
  readonly refusedBefore: number
  /** Of the slow ones: tries that were refused. */
  readonly slowRefused: number
  /** Mean of the baseline, ms: before they came, and from when all of them are there. */
  readonly baselineBeforeMs: number
  readonly baselineMs: number
  /** Slow exchanges without a permit at the end, permits in use, and the limit. */
  readonly streams: number
  readonly inUse: number
  readonly limit: number
  /** The most bytes that the proxy held for slow readers, as far as it is told: what was handed on and not read. */
  readonly heldBytes: number
  readonly broken: readonly string[]
}

interface Slow { readonly world: World; readonly times: SlowTimes; refused: number; tries: number }

/** `limit`: options of the learned limit; `maxStreams: 0` in it is a proxy that knows no slow callers. */
export async function playSlow(seed: number, limit: object, times: SlowTimes = wholeSlow): Promise<SlowFigures> {
  const serviceMs = lognormalOf(seededRandom(seed, 'work'), 40, 1)
  const world = new World({
    seed,
    upstreams: (clock) => {
      const service = { slots: 8, serviceMs, bytesOf: (path: string) => path === '/large' ? answerBytes : 200 }
      const upstream = new PacedUpstream(clock, service)
      return () => upstream
    },
    sketch: { upstreams: [{ name: 'service', startupMs: 0, options: { breaker: 'off', limit } }] },
  })
  const { parts } = world.joined
  const door = [...parts.named<Door>(doorKey)][0]?.[1] as Door
  world.arrive({ ratePerSecond, fromMs: 0, untilMs: times.untilMs, patienceMs, ask: { path: '/quick' } })
  const slow: Slow = { world, times, refused: 0, tries: 0 }
  const random = seededRandom(seed, 'slow')
  const spanMs = times.slowAllMs - times.slowFromMs
  for (let i = 0; i < readers + senders; i++) {
    const begin = i < readers ? read : send
    world.clock.after(times.slowFromMs + random() * spanMs, () => { begin(slow) })
  }
  return watch(slow, door)
}

function read(slow: Slow): void {
  const { world } = slow
  const ask = { path: '/large' }
  keep(slow, world.ask(ask, new SlowReader(world.clock, ask, { bytes: 1024, everyMs: 1_000 })), read)
}

function send(slow: Slow): void {
  const { world } = slow
  const body = new PacedBody(world.clock, requestBytes, { bytes: 50, everyMs: 500 })
  keep(slow, world.ask({ method: 'POST', path: '/upload', body }), send)
}

/** Begins again when it is over, a moment later when it was refused. */
function keep(slow: Slow, caller: SimCaller, again: (slow: Slow) => void): void {
  const { clock } = slow.world
  slow.tries++
  caller.afterwards = () => {
    if (caller.code !== null) slow.refused++
    if (clock.now() >= slow.times.untilMs) return
    clock.after(caller.code === null ? exponential(seededRandom(slow.tries), againMs) : againMs, () => { again(slow) })
  }
  clock.after(slow.times.untilMs - clock.now(), () => { caller.leave() })
}

async function watch(slow: Slow, door: Door): Promise<SlowFigures> {
  const { world, times: { slowFromMs, slowAllMs, untilMs } } = slow
  const { limit } = door.admission
  const before: number[] = []
  const meanwhile: number[] = []
  let heldBytes = 0
  for (let ms = lookFromMs; ms < untilMs; ms += 500) {
    await world.run(ms)
    const held = world.callers.reduce((all, caller) => caller instanceof SlowReader ? all + caller.unread : all, 0)
    heldBytes = Math.max(heldBytes, held)
    if (ms < slowFromMs) before.push(limit.baselineMs)
    else if (ms >= slowAllMs) meanwhile.push(limit.baselineMs)
  }
  const { streams } = door
  const { inUse } = door.admission
  const learned = (limit as EndpointLimits).usable
  await world.run(untilMs + 60_000)
  const others = world.callers.filter(({ head }) => head.path === '/quick')
  const part = (fromMs: number, toMs: number, is: (caller: SimCaller) => boolean): number => {
    const asked = others.filter(({ askedAt }) => askedAt >= fromMs && askedAt < toMs)
    return asked.filter(is).length / asked.length
  }
  const isRefused = ({ code }: SimCaller): boolean => code !== null
  return {
    served: part(slowFromMs, untilMs - patienceMs, ({ status, end }) => status === 200 && end === 'complete'),
    refused: part(slowFromMs, untilMs, isRefused), refusedBefore: part(lookFromMs, slowFromMs, isRefused),
    slowRefused: slow.refused / slow.tries, baselineBeforeMs: meanOf(before), baselineMs: meanOf(meanwhile),
    streams, inUse, limit: learned, heldBytes, broken: world.broken(),
  }
}

export function slowCriteria(figures: SlowFigures): readonly Criterion[] {
  const drift = Math.abs(figures.baselineMs / figures.baselineBeforeMs - 1)
  return [
    atLeast('others served', figures.served, 0.99),
    atMost('others refused', figures.refused, 0),
    atMost('drift of the baseline', drift, 0.1),
    atMost('bytes held', figures.heldBytes, 128 * 2 ** 20),
  ]
}
