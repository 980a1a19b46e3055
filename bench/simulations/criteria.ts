// What an experiment has to reach: a figure, its bound and whether it holds. Printed by the commands of this folder and
// asked by the quick tests, so that both judge alike.

export interface Criterion {
  readonly name: string
  readonly value: number
  readonly holds: boolean
}

export function atLeast(name: string, value: number, least: number): Criterion {
  return { name: `${name} at least ${short(least)}`, value, holds: value >= least }
}

export function atMost(name: string, value: number, most: number): Criterion {
  return { name: `${name} at most ${short(most)}`, value, holds: value <= most }
}

const short = (bound: number): number => Number(bound.toPrecision(4))

/** Names and figures of those that do not hold. */
export function missed(criteria: readonly Criterion[]): string[] {
  return criteria.filter(({ holds }) => !holds).map(({ name, value }) => `${name}: ${value.toPrecision(4)}`)
}

/** The value below which that part of all lie; NaN of none. */
export function quantileOf(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(part * values.length)] ?? NaN
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
