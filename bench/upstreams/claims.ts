// Claims with their target, what was found and the verdict: printed as a table, and checks for the exit code. A figure
// that is missing (NaN) holds nothing up.
import type { Check } from '../experiment.ts'
import type { Table } from '../table.ts'

export interface Claim {
  readonly what: string
  readonly target: string
  readonly found: string
  readonly holds: boolean
}

type Format = (value: number) => string

export function atMost(what: string, value: number, most: number, format: Format): Claim {
  return { what, target: `≤ ${format(most)}`, found: format(value), holds: value <= most }
}

export function atLeast(what: string, value: number, least: number, format: Format): Claim {
  return { what, target: `≥ ${format(least)}`, found: format(value), holds: value >= least }
}

export function isTrue(what: string, target: string, found: string, holds: boolean): Claim {
  return { what, target, found, holds }
}

export function claimsTable(claims: readonly Claim[]): Table {
  return {
    title: 'Claims',
    columns: ['', 'target', 'found', 'verdict'],
    rows: claims.map(({ what, target, found, holds }) => [what, target, found, holds ? 'holds' : 'FAILS']),
  }
}

export function checksOf(claims: readonly Claim[]): readonly Check[] {
  return claims.map(({ what, target, found, holds }) => ({ claim: `${what}: ${target} (${found})`, holds }))
}

export const percent: Format = (value) => Number.isNaN(value) ? '–' : `${(value * 100).toFixed(2)} %`
export const times: Format = (value) => Number.isNaN(value) ? '–' : value.toFixed(3)
export const milliseconds: Format = (value) =>
  Number.isNaN(value) ? '–' : value === Infinity ? 'never' : `${value.toFixed(value < 10 ? 1 : 0)} ms`
export const seconds: Format = (value) =>
  Number.isNaN(value) ? '–' : value === Infinity ? 'never' : `${(value / 1000).toFixed(1)} s`
export const count: Format = (value) => Number.isNaN(value) ? '–' : String(value)
