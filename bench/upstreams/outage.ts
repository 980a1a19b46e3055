// An upstream that answers nothing but 503 for a minute, and then is well again: what reaches it meanwhile, and when
// its callers are served again. Without a proxy the callers repeat for themselves, as client libraries do.
import { recoveryMs } from '../overload/recovery.ts'
import type { Scenario, Settings } from '../overload/scenario.ts'
import { seawallWith } from './seawall.ts'
import { nothing, through } from './arm.ts'
import { atMost, percent, seconds, times } from './claims.ts'
import type { Claim } from './claims.ts'
import { arrivalsPanel, findingsOf, goodputPanel, kept, latenessNotes, shortNote } from './findings.ts'
import { attemptsPerCall, successRatio } from './judging.ts'
import { envoyRetrying, haproxyRetrying } from './neighbours.ts'
import { present, sideBySide } from './run.ts'
import type { Course, Ran } from './run.ts'

const ratePerSecond = 100
const settlesMs = 5000
const mostAttempts = 1.02
/** A breaker that has been open for long asks again after 30 s at the latest, and a tenth more or less. */
const longestOpenMs = 33_000
/** The longest open time that an outage of that length comes to, and three good seconds. */
const watchedAfterMs = { long: 40_000, brief: 10_000 }

interface Times {
  readonly failsAtMs: number
  readonly healsAtMs: number
  readonly endsAtMs: number
}

function timesOf({ isShort }: Settings): Times {
  const failsAtMs = 3000
  const healsAtMs = failsAtMs + (isShort ? 15_000 : 60_000)
  return { failsAtMs, healsAtMs, endsAtMs: healsAtMs + watchedAfterMs[isShort ? 'brief' : 'long'] }
}

const seawall = through('seawall', () => seawallWith('seawall', {}, [
  { name: 'everything', match: { path: '/*' }, retry: { maxAttempts: 3 } },
]))

export const outage: Scenario = {
  name: 'outage',
  summary: `${ratePerSecond} calls a second at an upstream that answers 503 for a minute; three attempts each`,
  run: async (ground, settings) => {
    const when = timesOf(settings)
    const { arms, notes } = present([nothing(3), haproxyRetrying, envoyRetrying, seawall])
    const course: Course = {
      ratePerSecond, durationMs: when.endsAtMs, attemptMs: 1000, seed: 1,
      endpoints: [{
        seed: 1, spread: 'exponential', begins: { meanMs: 20, slots: 8 },
        changes: [{ atMs: when.failsAtMs, errorShare: 1 }, { atMs: when.healsAtMs, errorShare: 0 }],
      }],
    }
    const runs = await sideBySide(ground, arms, course)
    return findingsOf({
      claims: claimsOf(runs, when),
      tables: [tableOf(runs, when)],
      panels: [arrivalsPanel('what reaches the upstream', runs, when.endsAtMs), goodputPanel('goodput', runs)],
      notes: [
        'Attempts are counted at the upstream. Well again: from when on three seconds in a row have 0.95 of the calls.',
        ...settings.isShort ? [shortNote] : [], ...notes, ...latenessNotes(runs),
      ],
      data: runs.map((ran) => kept(ran, when.endsAtMs)),
    })
  },
}

function figuresOf({ report, endpoints }: Ran, { failsAtMs, healsAtMs, endsAtMs }: Times) {
  const outageSpan = { fromMs: failsAtMs + settlesMs, untilMs: healsAtMs }
  return {
    firstAttempts: attemptsPerCall(report, endpoints, { fromMs: failsAtMs, untilMs: failsAtMs + settlesMs }),
    attempts: attemptsPerCall(report, endpoints, outageSpan),
    againMs: recoveryMs({
      series: report.series, changeAtMs: healsAtMs, untilMs: endsAtMs, capacityPerSecond: ratePerSecond,
    }),
    wellBefore: successRatio(report, { fromMs: 0, untilMs: failsAtMs }),
  }
}

function tableOf(runs: readonly Ran[], when: Times) {
  return {
    title: `Attempts per call in the first ${settlesMs / 1000} s of the outage and after; and when all is well again`,
    columns: ['', 'first 5 s', 'after', 'well again after', 'success before'],
    rows: runs.map((ran) => {
      const { firstAttempts, attempts, againMs, wellBefore } = figuresOf(ran, when)
      return [ran.name, times(firstAttempts), times(attempts), seconds(againMs), percent(wellBefore)]
    }),
  }
}

function claimsOf(runs: readonly Ran[], when: Times): readonly Claim[] {
  const ours = runs.find(({ name }) => name === 'seawall')
  if (ours === undefined) return []
  const { attempts, againMs } = figuresOf(ours, when)
  return [
    atMost('attempts per call after 5 s of outage', attempts, mostAttempts, times),
    atMost('well again by itself after the end', againMs, longestOpenMs, seconds),
  ]
}
