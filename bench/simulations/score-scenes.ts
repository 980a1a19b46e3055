// What a set of constants is scored on: shapes of load and trouble without a scale of their own, for plants whose work
// takes 1, 10, 100 or 1,000 ms in 2, 8 or 64 slots. Times are counted in windows of the limit, so that every plant has
// as many chances to learn.

import { bursts } from '../../test/sim/kernel/population.ts'
import { SlotPlant } from '../../test/sim/kernel/plants.ts'
import type { Plant } from '../../test/sim/kernel/plants.ts'
import { always, exponentialOf, mixOf } from '../../test/sim/kernel/samplers.ts'
import type { Sampler } from '../../test/sim/kernel/samplers.ts'
import type { Random } from '../../proxy/core/random.ts'
import type { Scene } from './world.ts'

/** A part of a run, in spans. `perSecond`: what the best there is would answer. */
export interface Judged { readonly from: number; readonly until: number; readonly perSecond: number }

export interface Scored {
  readonly name: string
  readonly scene: Scene
  readonly goodput: readonly Judged[]
  /** Where less than 0.9 of the capacity is asked for: every refusal is one too many. */
  readonly calm: readonly Judged[]
  /** The p99 of the work itself and the longest wait that a line may add, ms. */
  readonly targetMs: number
}

/** A service: the mean of its work, ms, and its slots. */
export interface Scale { readonly meanMs: number; readonly slots: number }

export const scales: readonly Scale[] = [1, 10, 100, 1000].flatMap((meanMs) =>
  [2, 8, 64].map((slots) => ({ meanMs, slots })))

/** What a window of the limit takes in front of this plant, ms, with what it waits for after a change. */
function spanOf({ meanMs, slots }: Scale): number {
  return Math.max(20, Math.max(80, 3.75 * slots) * meanMs / slots)
}

/** What a line may add, whatever the constants that are being scored say. */
const longestWaitMs = ({ meanMs }: Scale, slowness: number): number =>
  Math.min(500, Math.max(20, 3 * meanMs * slowness))

/** ln 100: the p99 of exponential work over its mean. */
const tail = Math.log(100)

interface Shape {
  readonly name: string
  /** Spans in all. */
  readonly spans: number
  /** Part of the capacity that is asked for at a time, in spans. */
  readonly loadAt: (span: number, scale: Scale) => number
  readonly work?: (random: Random, meanMs: number) => Sampler
  readonly slots?: (scale: Scale) => number
  /** At those spans. */
  readonly script?: (plant: SlotPlant, scale: Scale) => readonly (readonly [number, (now: number) => void])[]
  readonly judged: readonly (readonly [number, number, number])[]
  readonly calm?: readonly (readonly [number, number])[]
  /** p99 of the work over its mean, and how many times as long it takes at its slowest. */
  readonly tail?: number
  readonly slowness?: number
}

const steady = (load: number): Shape => ({
  name: `${load}x`, spans: 120, loadAt: (span) => span < 30 ? 0.7 : load,
  judged: [[35, 120, 1]], calm: [[5, 30]],
})

const shapes: readonly Shape[] = [
  steady(2), steady(5),
  { name: '0.8x', spans: 100, loadAt: () => 0.8, judged: [[5, 100, 0.8]], calm: [[5, 100]] },
  {
    name: 'halved and restored', spans: 110, loadAt: () => 0.8,
    script: (plant, { slots }) => [
      [30, (now) => { plant.resize(slots / 2, now) }], [70, (now) => { plant.resize(slots, now) }],
    ],
    judged: [[35, 70, 0.5], [75, 110, 0.8]], calm: [[5, 30], [75, 110]],
  },
  {
    name: 'slow dependency', spans: 330, loadAt: () => 0.7, slots: () => Infinity, work: (_, meanMs) => always(meanMs),
    script: (plant) => [[30, () => { plant.slowness = 10 }], [330, () => { plant.slowness = 1 }]],
    // What begins in the last spans is not over when the run is.
    judged: [[90, 310, 0.7]], calm: [[5, 30], [90, 310]], tail: 1, slowness: 10,
  },
  {
    name: 'bimodal 1.5x', spans: 120, loadAt: () => 1.5,
    work: (random, meanMs) => mixOf(random, [[0.9, meanMs * 5 / 24.5], [0.1, meanMs * 200 / 24.5]]),
    judged: [[20, 120, 1]], tail: 200 / 24.5,
  },
  {
    name: 'bursts', spans: 120, judged: [[20, 120, 0.8]],
    loadAt: (span, scale) => bursts(2.4, scale.meanMs, 0, 2 * scale.meanMs)(span * spanOf(scale)),
  },
]

/** Every shape at every scale. */
export const scored: readonly Scored[] = scales.flatMap((scale) => shapes.map((shape) => scoredOf(shape, scale)))

function scoredOf(shape: Shape, scale: Scale): Scored {
  const { meanMs, slots } = scale
  const spanMs = spanOf(scale)
  const perSecond = 1000 * slots / meanMs
  const work = shape.work ?? exponentialOf
  const slowness = shape.slowness ?? 1
  const scene: Scene = {
    untilMs: shape.spans * spanMs,
    plant: (schedule) => new SlotPlant(schedule, shape.slots?.(scale) ?? slots),
    callers: (streams) => [{
      sampler: work(streams('work'), meanMs), deadlineMs: 25 * meanMs * slowness + 500,
      rateAt: (now) => perSecond * shape.loadAt(now / spanMs, scale),
    }],
    options: { spanMs },
    script: (schedule, plant: Plant) => {
      for (const [span, run] of shape.script?.(plant as SlotPlant, scale) ?? []) schedule.call(span * spanMs, run)
    },
  }
  return {
    name: `${shape.name}, ${slots} slots of ${meanMs} ms`, scene,
    goodput: shape.judged.map(([from, until, part]) => ({ from, until, perSecond: part * perSecond })),
    calm: (shape.calm ?? []).map(([from, until]) => ({ from, until, perSecond })),
    targetMs: (shape.tail ?? tail) * meanMs * slowness + longestWaitMs(scale, slowness),
  }
}
