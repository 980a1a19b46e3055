// The arrays that metrics count in, and the names of their rows. They belong to the process, not to a configuration:
// a reload gives new plans another view on the same rows.

import { CounterTable } from './counter-table.ts'
import { defaultEdgesMs, HistogramTable } from './histogram.ts'
import {
  codeLabel, kindLabel, modeLabel, outcomeLabel, policyLabel, statusClassLabel, whereLabel,
} from './label-sets.ts'
import { NameSlots } from './name-slots.ts'

export interface Tables {
  readonly routes: NameSlots
  readonly upstreams: NameSlots
  /** (upstream, route). */
  readonly pairs: NameSlots
  /** By route: outcome, code, status class. */
  readonly exchanges: CounterTable
  /** By route and outcome: row `route * outcomes + outcome`. */
  readonly exchangeMs: HistogramTable
  /** By route: policy, code, mode. */
  readonly refused: CounterTable
  /** By route: where. */
  readonly deadlines: CounterTable
  /** By pair: kind, outcome, code. */
  readonly attempts: CounterTable
  readonly attemptMs: HistogramTable
  /** By upstream. */
  readonly queueMs: HistogramTable
}

export function createTables(): Tables {
  const exchanges = new CounterTable([outcomeLabel, codeLabel, statusClassLabel])
  const exchangeMs = new HistogramTable(defaultEdgesMs)
  const refused = new CounterTable([policyLabel, codeLabel, modeLabel])
  const deadlines = new CounterTable([whereLabel])
  const attempts = new CounterTable([kindLabel, outcomeLabel, codeLabel])
  const attemptMs = new HistogramTable(defaultEdgesMs)
  const queueMs = new HistogramTable(defaultEdgesMs)
  const other = '_other'
  const routes = new NameSlots({ route: other }, (rows) => {
    for (const table of [exchanges, refused, deadlines]) table.reserve(rows)
    exchangeMs.reserve(rows * outcomeLabel.values.length)
  })
  const upstreams = new NameSlots({ upstream: other }, (rows) => { queueMs.reserve(rows) })
  const pairs = new NameSlots({ upstream: other, route: other }, (rows) => {
    attempts.reserve(rows)
    attemptMs.reserve(rows)
  })
  return { routes, upstreams, pairs, exchanges, exchangeMs, refused, deadlines, attempts, attemptMs, queueMs }
}
