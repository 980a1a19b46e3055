// One of three endpoints is gray: ten times slower, failing three requests in ten, silent, or refusing at once. How
// much it still gets, and whether callers notice. Each kind is a run of its own.
import { seawallWith } from './seawall.ts'
import type { Findings } from '../experiment.ts'
import type { Ground } from '../ground.ts'
import type { Scenario, Settings } from '../overload/scenario.ts'
import type { LinePanel } from '../svg.ts'
import { nothing, through } from './arm.ts'
import { atLeast, atMost, milliseconds, percent } from './claims.ts'
import type { Claim } from './claims.ts'
import type { Behaviour } from './endpoint-plan.ts'
import { findingsOf, kept, latenessNotes, shortNote } from './findings.ts'
import { arrivalPoints, arrivals, shareOf, successRatio } from './judging.ts'
import type { Span } from './judging.ts'
import { attemptTimeoutMs, envoyOutliers, nginxNext } from './neighbours.ts'
import { present, sideBySide } from './run.ts'
import type { Ran } from './run.ts'

const ratePerSecond = 300
const meanMs = 40
const ill = 2
const fallsIllAtMs = 2000
const settlesMs = 6000
const watchedMs = { long: 25_000, brief: 2000 }
const mostShare = 0.05
const leastSuccess = 0.995
const patienceMs = 3500

const silent = 'black hole'
const kinds: Readonly<Record<string, Partial<Behaviour>>> = {
  '10x slow': { meanMs: 10 * meanMs },
  '30 % errors': { errorShare: 0.3, status: 500 },
  [silent]: { isSilent: true },
  'instant 503': { errorShare: 1, status: 503 },
}
const names = Object.keys(kinds)

// It can use 24 at once from its first second, and is told so: what is learned of a limit is not the question here.
const seawall = through('seawall', (ports) => seawallWith('seawall', {
  endpoints: ports.map((port) => `http://127.0.0.1:${port}`), limit: { initial: 24 },
  timeouts: { attempt: `${attemptTimeoutMs}ms` },
}, [{ name: 'everything', match: { path: '/*' }, retry: { maxAttempts: 3 } }]))

interface Result {
  readonly kind: string
  readonly runs: readonly Ran[]
}

export const gray: Scenario = {
  name: 'gray',
  summary: `${ratePerSecond} calls a second at three endpoints, one of them ill in four ways`,
  run: async (ground, settings) => {
    const { isShort } = settings
    const endsAtMs = fallsIllAtMs + settlesMs + watchedMs[isShort ? 'brief' : 'long']
    const { arms, notes } = present(isShort ? [nothing(1), seawall] : [nothing(1), nginxNext, envoyOutliers, seawall])
    const results: Result[] = []
    // Two kinds with two arms are as many processes as one kind with four.
    for (const some of isShort ? [names.slice(0, 2), names.slice(2)] : names.map((name) => [name])) {
      results.push(...await Promise.all(some.map(async (kind) => {
        const own = { ...ground, progress: (text: string) => ground.progress(`${kind}: ${text}`) }
        return { kind, runs: await runKind(own, arms, kinds[kind] ?? {}, endsAtMs) }
      })))
    }
    return findings(results, settings, endsAtMs, notes)
  },
}

function runKind(
  ground: Ground, arms: Parameters<typeof sideBySide>[1], behaviour: Partial<Behaviour>, durationMs: number,
): Promise<readonly Ran[]> {
  const endpoint = (seed: number) =>
    ({ seed, spread: 'exponential', begins: { meanMs, slots: 8 }, changes: [] }) as const
  return sideBySide(ground, arms, {
    ratePerSecond, durationMs, attemptMs: patienceMs, seed: 1, firstLoadMs: 1000,
    endpoints: [1, 2, 3].map((seed, index) => index !== ill ? endpoint(seed) :
      { ...endpoint(seed), changes: [{ atMs: fallsIllAtMs, ...behaviour }] }),
  })
}

function findings(
  results: readonly Result[], settings: Settings, endsAtMs: number, notes: readonly string[],
): Findings {
  const settled: Span = { fromMs: fallsIllAtMs + settlesMs, untilMs: endsAtMs }
  return findingsOf({
    claims: results.flatMap((result) => claimsOf(result, settled, settings)),
    tables: results.map(({ kind, runs }) => ({
      title: `${kind}: from ${settlesMs / 1000} s on, and over the whole of its illness`,
      columns: ['', 'its share', 'success', 'success since it fell ill', 'attempts per call', 'p50', 'p99'],
      rows: runs.map((ran) => [
        ran.name, percent(shareOf(ran.endpoints, ill, settled)), percent(successRatio(ran.report, settled)),
        percent(successRatio(ran.report, { ...settled, fromMs: fallsIllAtMs })),
        (arrivals(ran.endpoints, { fromMs: 0, untilMs: endsAtMs }) / ran.report.calls).toFixed(3),
        milliseconds(ran.report.ok.p50Ms), milliseconds(ran.report.ok.p99Ms),
      ]),
    })),
    panels: results.map(({ kind, runs }) => panelOf(kind, runs, endsAtMs)),
    notes: [
      `Callers wait ${patienceMs / 1000} s and try once; all proxies may make three attempts of a second each. ` +
      'Without a proxy callers ask the three in turn. p50 and p99 are of the whole run.',
      ...settings.isShort ? [shortNote] : [], ...notes, ...latenessNotes(results.flatMap(({ runs }) => runs)),
    ],
    data: results.map(({ kind, runs }) => ({ kind, runs: runs.map((ran) => kept(ran, endsAtMs)) })),
  })
}

function panelOf(kind: string, runs: readonly Ran[], endsAtMs: number): LinePanel {
  return {
    kind: 'lines', title: kind, xLabel: 'seconds', yLabel: 'requests that reach the ill endpoint, a second',
    series: runs.map(({ name, endpoints }) =>
      ({ name, points: arrivalPoints(endpoints.slice(ill, ill + 1), endsAtMs) })),
  }
}

function claimsOf({ kind, runs }: Result, settled: Span, { isShort }: Settings): readonly Claim[] {
  const ours = runs.find(({ name }) => name === 'seawall')
  // Nobody can tell silence from work before the first attempt has run out.
  const knownAtMs = fallsIllAtMs + (kind === silent ? attemptTimeoutMs : 0)
  // A few seconds of illness are too little to set its first moments against.
  const span = isShort ? settled : { ...settled, fromMs: knownAtMs }
  const since = isShort ? 'after 6 s' : kind === silent ? 'after the first timeout' : 'from its first moment on'
  return [
    atMost(`${kind}: share of the ill endpoint after 6 s`,
      ours === undefined ? NaN : shareOf(ours.endpoints, ill, settled), mostShare, percent),
    atLeast(`${kind}: callers served, ${since}`,
      ours === undefined ? NaN : successRatio(ours.report, span), leastSuccess, percent),
  ]
}
