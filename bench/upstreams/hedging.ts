// Three endpoints whose answers now and then take fifty times as long: what a second request to another endpoint does
// for the slowest callers, and what it costs at a low and at a very high load.
import { seawallWith } from './seawall.ts'
import type { Findings } from '../experiment.ts'
import type { Scenario, Settings } from '../overload/scenario.ts'
import { spreadOf } from '../statistics.ts'
import { nothing, through } from './arm.ts'
import type { Arm } from './arm.ts'
import { atLeast, atMost, milliseconds, percent } from './claims.ts'
import type { Claim } from './claims.ts'
import { findingsOf, kept, latenessNotes, shortNote } from './findings.ts'
import { arrivals } from './judging.ts'
import { envoyHedging } from './neighbours.ts'
import { oneByOne, present } from './run.ts'
import type { Ran } from './run.ts'
import { meanOfTailed } from './tailed-times.ts'

const slots = 8
const meanMs = 10
const endpoints = 3
const capacityPerSecond = endpoints * slots * 1000 / (meanMs * meanOfTailed)
const loads = [0.3, 0.95] as const
const leastCut = 5
const mostExtra = { p95: 0.055, p98: 0.025, loaded: 0.005 }

// It can use all slots from its first second, and is told so: what is learned of a limit is not the question here.
function seawall(name: string, hedge: object): Arm {
  return through(name, (ports) => seawallWith(name, {
    endpoints: ports.map((port) => `http://127.0.0.1:${port}`), limit: { initial: endpoints * slots },
  }, [{ name: 'everything', match: { path: '/*' }, ...hedge }]))
}

const arms = [
  nothing(1), seawall('seawall', {}),
  seawall('seawall p95', { hedge: { after: 'p95' } }), seawall('seawall p98', { hedge: { after: 'p98' } }),
  // What 95 in 100 answers take here without a queue: it has to be told.
  envoyHedging('envoy, 30 ms', 30),
]

interface Result {
  readonly load: number
  readonly runs: readonly Ran[]
}

export const hedging: Scenario = {
  name: 'hedging',
  summary: `three endpoints, lognormal around ${meanMs} ms, one answer in a hundred takes ${50 * meanMs} ms`,
  run: async (ground, settings) => {
    const durationMs = settings.isShort ? 3000 : 20_000
    const { arms: here, notes } = present(arms)
    const results: Result[] = []
    for (const load of loads) {
      const own = { ...ground, progress: (text: string) => ground.progress(`load ${load}: ${text}`) }
      // A short run shows that it works: there no proxy at all, and p98 under load, have nothing to say.
      const chosen = !settings.isShort ? here : here.slice(1, load > 0.5 ? 3 : 4)
      results.push({ load, runs: await oneByOne(own, chosen, {
        ratePerSecond: Math.round(load * capacityPerSecond), durationMs, attemptMs: 5000, seed: 1,
        endpoints: [1, 2, 3].map((seed) => ({ seed, spread: 'tailed', begins: { meanMs, slots }, changes: [] })),
      }) })
    }
    return findings(results, settings, durationMs, notes)
  },
}

/** Requests beyond one a call, of those that reached the endpoints. */
function extraOf({ report, endpoints: figures }: Ran): number {
  const sent = arrivals(figures, { fromMs: 0, untilMs: Infinity })
  // Of one attempt a call, those that were refused never arrived.
  const refused = report.calls - report.ok.count
  return sent / (report.calls - refused) - 1
}

function findings(
  results: readonly Result[], settings: Settings, durationMs: number, missing: readonly string[],
): Findings {
  return findingsOf({
    claims: results.flatMap(claimsOf),
    tables: results.map(({ load, runs }) => ({
      title: `${load} of the capacity: ${Math.round(load * capacityPerSecond)} calls a second`,
      columns: ['', 'p50', 'p99', 'p99.9', 'slowest', 'more requests', 'answered'],
      rows: runs.map((ran) => {
        const { p50Ms, p99Ms, p999Ms, maxMs, count } = ran.report.ok
        return [
          ran.name, milliseconds(p50Ms), milliseconds(p99Ms), milliseconds(p999Ms), milliseconds(maxMs),
          percent(extraOf(ran)), percent(count / ran.report.calls),
        ]
      }),
    })),
    panels: results.map(({ load, runs }) => ({
      kind: 'dots', title: `${load} of the capacity`, valueLabel: 'p99.9 in milliseconds',
      rows: runs.map(({ name, report }) => ({ name, spread: spreadOf([report.ok.p999Ms]) })),
    })),
    notes: [
      'More requests: what reached the endpoints beyond one for each call that was answered.',
      'Without a proxy callers ask the three in turn.',
      ...settings.isShort ? [shortNote] : [], ...missing, ...latenessNotes(results.flatMap(({ runs }) => runs)),
    ],
    data: results.map(({ load, runs }) => ({ load, runs: runs.map((ran) => kept(ran, durationMs)) })),
  })
}

function claimsOf({ load, runs }: Result): readonly Claim[] {
  const named = (name: string): Ran | undefined => runs.find((ran) => ran.name === name)
  const [plain, p95, p98] = [named('seawall'), named('seawall p95'), named('seawall p98')]
  const extra = (ran: Ran | undefined): number => ran === undefined ? NaN : extraOf(ran)
  const at = `at ${load} of the capacity`
  if (load > 0.5) {
    return [
      atMost(`${at}: more requests at p95`, extra(p95), mostExtra.loaded, percent),
      ...p98 === undefined ? [] : [atMost(`${at}: more requests at p98`, extra(p98), mostExtra.loaded, percent)],
    ]
  }
  const cut = (plain?.report.ok.p999Ms ?? NaN) / (p95?.report.ok.p999Ms ?? NaN)
  return [
    atLeast(`${at}: p99.9 is cut`, cut, leastCut, (value) => `${value.toFixed(1)}×`),
    atMost(`${at}: more requests at p95`, extra(p95), mostExtra.p95, percent),
    atMost(`${at}: more requests at p98`, extra(p98), mostExtra.p98, percent),
  ]
}
