// What callers that only take places cost the others: the answers of everybody else beside crowds of several kinds, and
// the memory of thousands of idle connections against that of a bare server.
import { idleCosts } from '../abuse/idle.ts'
import type { IdleCost } from '../abuse/idle.ts'
import { kinds } from '../abuse/kinds.ts'
import { besideCrowds, failedText, refusedByLimit } from '../abuse/others.ts'
import type { Round } from '../abuse/others.ts'
import type { Check, Experiment, ExperimentOptions, Findings } from '../experiment.ts'
import { startOrigin } from '../ground.ts'
import type { Ground } from '../ground.ts'
import { median, spreadOf } from '../statistics.ts'
import { short } from '../table.ts'

const crowds = Object.keys(kinds).filter((kind) => kind !== 'idle')
const servers = ['seawall', 'haproxy']
const idleConnections = kinds['idle']?.count ?? 0
const allowedRatio = 1.2
const allowedMemoryRatio = 1.3
/** For each of a crowd: what a connection and what it may hold of a body take, generously. */
const allowedBytesEach = 512 * 1024

export const abuse: Experiment = {
  name: 'abuse',
  summary: `others beside crowds that only take places; memory of ${idleConnections} idle connections`,
  defaults: { seconds: 10, rounds: 5, rate: 1000 },
  short: { seconds: 2, rounds: 1, rate: 300 },
  parts: [...crowds, 'idle'],
  run: measure,
}

async function measure(ground: Ground, options: ExperimentOptions): Promise<Findings> {
  const wants = (part: string): boolean => options.parts.length === 0 || options.parts.includes(part)
  const origin = await startOrigin(ground, 'abuse/crowd-origin.ts')
  const others = await besideCrowds(ground, origin.port, crowds.filter(wants), options)
  const idle = wants('idle') ? await idleCosts(ground, origin.port, options) : []
  const met = crowds.filter((crowd) => others.some((round) => round.crowd === crowd))
  return {
    tables: [
      { title: 'Others beside a crowd', columns: ['crowd', 'of', 'server', 'p99 without, ms', 'with, ms', 'ratio',
        'grown, MiB', 'not 2xx'],
        rows: met.flatMap((crowd) => servers.map((server) => summaryRow(others, crowd, server))) },
      { title: `Memory of ${idleConnections} idle keep-alive connections`, columns: ['server', 'before MiB',
        'after MiB', 'KiB each'],
        rows: idle.map(({ name, beforeBytes, afterBytes }) => [name, short(beforeBytes / 2 ** 20),
          short(afterBytes / 2 ** 20), short((afterBytes - beforeBytes) / idleConnections / 1024)]) },
    ].filter(({ rows }) => rows.length > 0),
    panels: met.length === 0 ? [] : [{
      kind: 'dots', title: 'p99 of others beside a crowd, to the p99 without, round by round', valueLabel: 'ratio',
      rows: met.flatMap((crowd) => servers.flatMap((server) => {
        const ratios = ratiosOf(others, crowd, server)
        return ratios.length === 0 ? [] : [{ name: `${crowd}, ${server}`, spread: spreadOf(ratios) }]
      })),
    }],
    notes: [
      `Others: an open load of ${options.rate} requests a second, without and with in turn; origin and load on one `
        + 'core, Seawall on the other. The crowd has what origin and load leave of theirs.',
      'Each of a crowd comes at a time of its own; what is thrown out comes again after 100 ms. Medians of '
        + `${options.rounds} rounds; memory: the most of them.`,
      'Memory: proportional set of the process before, and when all connections have asked once and are silent.',
    ],
    data: { others, idle },
    checks: [...met.flatMap((crowd) => checksOf(others, crowd)), ...idleChecks(idle)],
  }
}

function summaryRow(others: readonly Round[], crowd: string, server: string): string[] {
  const rounds = others.filter((round) => round.crowd === crowd && round.server === server)
  const codes: Record<string, number> = {}
  for (const round of rounds) {
    for (const [code, count] of Object.entries(round.codes)) codes[code] = (codes[code] ?? 0) + count
  }
  return [
    kinds[crowd]?.title ?? crowd, String(kinds[crowd]?.count), server,
    short(median(rounds.map((one) => one.withoutMs))), short(median(rounds.map((one) => one.withMs))),
    short(ratioOf(others, crowd, server)), short(Math.max(...rounds.map((one) => one.grownBytes)) / 2 ** 20),
    failedText(rounds.reduce((sum, { notOk }) => sum + notOk, 0), codes),
  ]
}

function ratiosOf(others: readonly Round[], crowd: string, server: string): number[] {
  return others.filter((round) => round.crowd === crowd && round.server === server)
    .map((round) => round.withMs / round.withoutMs)
}

function ratioOf(others: readonly Round[], crowd: string, server: string): number {
  const ratios = ratiosOf(others, crowd, server)
  return ratios.length === 0 ? NaN : median(ratios)
}

function checksOf(others: readonly Round[], crowd: string): Check[] {
  const own = others.filter((round) => round.crowd === crowd && round.server === 'seawall')
  const ratio = ratioOf(others, crowd, 'seawall')
  return [
    {
      claim: `${crowd}: the p99 of others stays within ${allowedRatio} of what it is without them `
        + `(median ${short(ratio)}, HAProxy ${short(ratioOf(others, crowd, 'haproxy'))})`,
      holds: ratio <= allowedRatio,
    },
    {
      claim: `${crowd}: the others get a 2xx, or are refused by the learned limit where a process had no core`,
      holds: own.every(({ notOk, codes }) => notOk === refusedByLimit(codes)),
    },
    {
      claim: `${crowd}: memory grows by at most ${allowedBytesEach / 1024} KiB for each`,
      holds: own.every(({ grownBytes }) => grownBytes <= allowedBytesEach * (kinds[crowd]?.count ?? 0)),
    },
  ]
}

function idleChecks(idle: readonly IdleCost[]): Check[] {
  const [own, bare] = [idle.find(({ name }) => name === 'seawall'), idle.find(({ name }) => name === 'bare node:http')]
  if (own === undefined || bare === undefined) return []
  return [{
    claim: `an idle process full of connections takes at most ${allowedMemoryRatio} of a bare server's memory`,
    holds: own.afterBytes <= bare.afterBytes * allowedMemoryRatio,
  }]
}
