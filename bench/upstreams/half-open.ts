// A thousand callers before a breaker that is half open: how many requests are at the upstream at once, counted there,
// while probes fail and while the first ones succeed.
import { seawallWith } from './seawall.ts'
import { recoveryMs } from '../overload/recovery.ts'
import type { Scenario } from '../overload/scenario.ts'
import { nothing, through } from './arm.ts'
import { atMost, count, isTrue, seconds } from './claims.ts'
import { arrivalsPanel, findingsOf, goodputPanel, kept, latenessNotes, shortNote } from './findings.ts'
import { arrivals, mostInFlight } from './judging.ts'
import type { Span } from './judging.ts'
import type { Seen } from './endpoint-plan.ts'
import { sideBySide } from './run.ts'
import type { Ran } from './run.ts'

const callersPerSecond = 1000
/** Long enough for hundreds of callers to come while a probe that fails is out, and for dozens while one succeeds. */
const errorMs = 300
const healedMs = 50
const failsAtMs = 1000
/** At first it fails at once, so that the breaker trips; then slowly, so that a crowd gathers before each probe. */
const slowsAfterMs = 2000
/** What was in flight when it slowed down has ended. */
const settledMs = slowsAfterMs + 500
/** As many good ones close the breaker. */
const probes = 3

export const halfOpen: Scenario = {
  name: 'half-open',
  summary: `${callersPerSecond} calls a second before an open breaker, at an upstream that fails after ${errorMs} ms`,
  run: async (ground, settings) => {
    const healsAtMs = settings.isShort ? 8000 : 16_000
    const durationMs = healsAtMs + (settings.isShort ? 8000 : 20_000)
    const arms = [
      nothing(1),
      through('seawall', () => seawallWith('seawall', {}, [{ name: 'everything', match: { path: '/*' } }])),
    ]
    const runs = await sideBySide(ground, arms, {
      ratePerSecond: callersPerSecond, durationMs, attemptMs: 2000, seed: 1,
      endpoints: [{
        seed: 1, spread: 'constant', begins: { meanMs: 5, slots: 64 },
        changes: [
          { atMs: failsAtMs, errorShare: 1 },
          { atMs: failsAtMs + slowsAfterMs, errorMs },
          { atMs: healsAtMs, errorShare: 0, meanMs: healedMs, slots: 512 },
        ],
      }],
    })
    const down: Span = { fromMs: failsAtMs + settledMs, untilMs: healsAtMs }
    const figures = runs.map((ran) => ({ name: ran.name, ...figuresOf(ran, down, durationMs) }))
    const ours = figures.find(({ name }) => name === 'seawall')
    return findingsOf({
      claims: [
        atMost('at the upstream at once while probes fail', ours?.whileFailing ?? NaN, 1, count),
        atMost('at once while the first three succeed', ours?.whileHealing ?? NaN, 1, count),
        isTrue('it was probed at all', '≥ 1', count(ours?.probes ?? NaN), (ours?.probes ?? 0) >= 1),
      ],
      tables: [{
        title: 'Requests at the upstream: at once while it fails, in all, at once in the first three after it is well',
        columns: ['', 'at once, failing', 'in all', 'at once, healing', 'well again after'],
        rows: figures.map((one) => [
          one.name, count(one.whileFailing), count(one.probes), count(one.whileHealing), seconds(one.againMs),
        ]),
      }],
      panels: [arrivalsPanel('what reaches the upstream', runs, durationMs), goodputPanel('goodput', runs)],
      notes: [
        'Without protection the upstream takes what comes; it has no limit of its own while it fails.',
        ...settings.isShort ? [shortNote] : [], ...latenessNotes(runs),
      ],
      data: runs.map((ran) => kept(ran, durationMs)),
    })
  },
}

function figuresOf({ report, endpoints }: Ran, down: Span, durationMs: number) {
  const seen = endpoints[0]?.seen ?? []
  return {
    whileFailing: mostInFlight(seen, down),
    probes: arrivals(endpoints, down),
    whileHealing: mostInFlight(seen, firstOf(seen, probes, down.untilMs)),
    againMs: recoveryMs({
      series: report.series, changeAtMs: down.untilMs, untilMs: durationMs, capacityPerSecond: callersPerSecond,
    }),
  }
}

/** From `fromMs` until the last of the first `howMany` that came since. */
export function firstOf(seen: readonly Seen[], howMany: number, fromMs: number): Span {
  const last = seen.filter(([atMs]) => atMs >= fromMs)[howMany - 1]?.[0] ?? Infinity
  return { fromMs, untilMs: last + 0.05 }
}
