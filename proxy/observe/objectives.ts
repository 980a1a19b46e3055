// The objectives of all routes that have one: kept by name, so that a reload goes on counting, and shown as gauges, as
// figures of status, and as bucket edges of the times they speak of.

import type { Configuration } from '../core/configuration.ts'
import type { Part } from './inspect.ts'
import type { Family, Sample } from './metric-page.ts'
import { burnWindows, Objective } from './objective.ts'
import type { BurnWindow, Promised } from './objective.ts'

/** What a route has under `slo`, as the loader leaves it. */
interface SloOptions { readonly objective: number; readonly threshold?: number; readonly window: number }

/** By the position of the route; null where nothing is promised. */
export type Promises = readonly (Promised | null)[]

export function promisesOf(routes: Configuration['routes']): Promises {
  return routes.map(({ options }) => {
    const slo = options['slo'] as SloOptions | undefined
    if (slo === undefined) return null
    return { objective: slo.objective, thresholdMs: slo.threshold ?? Infinity, windowMs: slo.window }
  })
}

export class Objectives {
  readonly #kept = new Map<string, Objective>()
  /** In force now; what was kept before and is not shown any more comes back with its counts. */
  #shown: readonly (readonly [string, Objective])[] = []
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Those of a configuration, by the position of the route; null where nothing is promised. */
  follow(routes: readonly string[], promises: Promises): readonly (Objective | null)[] {
    const followed = routes.map((route, index) => this.#one(route, promises[index] ?? null))
    this.#shown = routes.flatMap((route, index) => {
      const objective = followed[index] ?? null
      return objective === null ? [] : [[route, objective] as const]
    })
    return followed
  }

  families(): Family[] {
    const gauge = (name: string, help: string, samples: () => Sample[]): Family =>
      ({ name, help, type: 'gauge', samples })
    return [
      gauge('seawall_slo_budget_ratio', 'What is left of the failures a route may have; below 0: overspent.', () =>
        this.#shown.map(([route, objective]) => ({ labels: { route }, value: objective.budgetRatio(this.#now()) }))),
      gauge('seawall_slo_burn_rate', 'Failures of a route to those it may have; 1: the budget just lasts.', () =>
        this.#shown.flatMap(([route, objective]) => (Object.keys(burnWindows) as BurnWindow[]).map((window) => (
          { labels: { route, window }, value: objective.burnRate(window, this.#now()) })))),
    ]
  }

  /** For status, beside what policies show. */
  parts(): readonly Part[] {
    return this.#shown.map(([route, objective]) => (
      { name: 'slo', upstream: '', route, inspect: () => objective.figures(this.#now()) }))
  }

  #one(route: string, promised: Promised | null): Objective | null {
    if (promised === null) return null
    const known = this.#kept.get(route)
    known?.promise(promised)
    const objective = known ?? new Objective(promised)
    this.#kept.set(route, objective)
    return objective
  }
}
