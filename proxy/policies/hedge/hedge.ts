// Asks a second endpoint when an answer takes unusually long: one hedge at most, for safe methods without a body, paid
// for by requests that went well, sent only where the upstream has a permit to spare. It counts in the attempts of the
// request, and its ending is never a reason to send again while the first still runs.
//
// Observe: nothing is sent twice; who would have been hedged is counted in the status.

import { HedgeBudget } from '../../algorithms/hedge-budget.ts'
import { LatencyQuantile } from '../../algorithms/latency-quantile.ts'
import { isSafe } from '../../core/methods.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Handler, LayerContext, LayerDefinition } from '../../core/policy.ts'
import type { Endpoint } from '../../core/upstream.ts'
import type { Work } from '../../core/work.ts'
import { Race } from './race.ts'
import type { RaceGround } from './race.ts'
import { hedgeSchema } from './schema.ts'
import type { HedgeOptions } from './schema.ts'

/** Answers that have to be known before a percentile of them means anything. */
const leastAnswers = 50
/** What hedges add at most where the time is fixed. */
const fixedShare = 0.05
/** Below this a timer is as late as the answer. */
const shortestMs = 1

/** Part of the answers that come sooner, and so the part that a hedge may add; a fixed time has no such part. */
const parts = { p95: 0.95, p98: 0.98 } as const

class Hedging {
  readonly #ground: RaceGround
  readonly #delayMs: () => number
  readonly figures = { wouldHaveHedged: 0 }

  constructor(ground: RaceGround, delayMs: () => number, endpoints: () => readonly Endpoint[]) {
    this.#ground = ground
    // The one there is would be asked twice.
    this.#delayMs = () => (endpoints().length < 2 ? Infinity : delayMs())
  }

  readonly handle: Handler = (work, kind) => {
    const { next, budget } = this.#ground
    const ended = next(work, kind)
    const first = work.last
    if (kind !== 'first' || first === null) return ended
    const delayMs = canHedge(work) && first.outcome === null ? this.#delayMs() : Infinity
    if (delayMs === Infinity) return ended.then((outcome) => this.#learn(work, outcome))
    return new Promise((resolve, reject) => {
      const race = new Race(work, first, Math.max(shortestMs, delayMs), this.#ground, (outcome) => {
        if (isSuccess(work, outcome)) budget.succeeded()
        resolve(outcome)
      })
      ended.then((outcome) => { race.firstEnded(outcome) }, reject)
    })
  }

  readonly observe: Handler = async (work, kind) => {
    const { next, budget, clock } = this.#ground
    const delayMs = kind === 'first' && canHedge(work) ? this.#delayMs() : Infinity
    const startedAt = clock.now()
    const outcome = this.#learn(work, await next(work, kind))
    if (clock.now() - startedAt > delayMs && budget.take()) this.figures.wouldHaveHedged++
    return outcome
  }

  #learn(work: Work, outcome: Outcome): Outcome {
    if (isSuccess(work, outcome)) this.#ground.budget.succeeded()
    return outcome
  }
}

export const hedge: LayerDefinition = {
  name: 'hedge',
  routeSchema: { hedge: hedgeSchema },
  create: (context) => {
    const options = context.routeOptions['hedge'] as HedgeOptions | 'off' | undefined
    if (options === undefined || options === 'off') return null
    const { endpoints, watchEndpoints } = context
    if (endpoints().length < 2 && watchEndpoints === null) return null
    // A hedge counts in the attempts of a request: where there may be one only, there is none.
    if ((context.routeOptions['retry'] as { readonly maxAttempts?: number } | undefined)?.maxAttempts === 1) return null
    return (next) => {
      const { after = 'p95' } = options
      const { ground, budget } = groundOf(context, next)
      budget.share = typeof after === 'number' ? fixedShare : 1 - parts[after]
      const hedging = new Hedging(ground, delayOf(after, context), endpoints)
      context.show('hedge', context.route, () => ({ ...hedging.figures, budget: budget.available }))
      return context.shadow ? hedging.observe : hedging.handle
    }
  },
}

function groundOf(context: LayerContext, next: Handler): { ground: RaceGround; budget: HedgeBudget } {
  const { upstream, route, clock, house, meter } = context
  const budget = context.part(`hedge-budget:${upstream}/${route}`, () => new HedgeBudget(fixedShare))
  const counter = (won: 'true' | 'false'): RaceGround['won'] => meter.counter('seawall_hedges_total', { upstream, won })
  return { budget, ground: { next, budget, clock, house, won: counter('true'), lost: counter('false') } }
}

function delayOf(after: 'p95' | 'p98' | number, { part, upstream, route }: LayerContext): () => number {
  if (typeof after === 'number') return () => after
  const pace = part(`pace:${upstream}/${route}`, () => new LatencyQuantile())
  return () => pace.at(parts[after], leastAnswers)
}

/** Nothing may be changed twice, and a body would have to be read twice at a time. */
function canHedge({ exchange }: Work): boolean {
  const { head, body } = exchange.caller
  return body === null && isSafe(head.method) && exchange.outcome === null
}

function isSuccess({ last }: Work, { kind }: Outcome): boolean {
  return kind === 'reply' && last !== null && last.lesson.budget > 0
}
