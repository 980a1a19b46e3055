// The storm that feeds itself (experiment E5 of the overload notes): an upstream loses four fifths of its capacity for
// ten seconds, its callers give up after 300 ms and try again at once, three times in all. Without protection it works
// for callers that have left, for ever. Seawall with a ceiling tuned to the upstream is judged; what its defaults alone
// do is shown beside it.
import { haproxyLimited } from '../contenders/protections.ts'
import { seawallWith } from './seawall.ts'
import { recoveryMs } from '../overload/recovery.ts'
import type { Scenario, Settings } from '../overload/scenario.ts'
import { nothing, through } from './arm.ts'
import type { Arm } from './arm.ts'
import { atLeast, atMost, isTrue, percent, seconds, times } from './claims.ts'
import type { Claim } from './claims.ts'
import { arrivalsPanel, findingsOf, goodputPanel, kept, latenessNotes, shortNote } from './findings.ts'
import { attemptsPerCall, successRatio } from './judging.ts'
import { present, sideBySide } from './run.ts'
import type { Course, Ran } from './run.ts'

const slots = 8
const meanMs = 40
const ratePerSecond = 180
const patienceMs = 300
const attemptsOfCallers = 3
const faultMs = 10_000
const lostFactor = 5
const within = 3000
const leastGoodput = 0.95
/** What is left of the goodput of a service that has not come back. */
const stillDown = 0.5
/** Eight slots and what is on its way to and from them. */
const ceiling = 10

interface Times {
  readonly failsAtMs: number
  readonly healsAtMs: number
  readonly endsAtMs: number
}

function timesOf({ isShort }: Settings): Times {
  const failsAtMs = isShort ? 2000 : 5000
  const healsAtMs = failsAtMs + faultMs
  return { failsAtMs, healsAtMs, endsAtMs: healsAtMs + (isShort ? 20_000 : 60_000) }
}

const route = { name: 'everything', match: { path: '/*' } }
const seawall: Arm = through('seawall', () =>
  seawallWith('seawall', { bulkhead: { maxConcurrent: ceiling, maxWait: '50ms' } }, [
    { ...route, deadline: { default: `${patienceMs}ms` } },
  ]), attemptsOfCallers)
const untouched: Arm = through('seawall, defaults', () => seawallWith('seawall-defaults', {}, [route]),
  attemptsOfCallers)
const haproxy: Arm = through('haproxy', () => haproxyLimited(ceiling, 'haproxy'), attemptsOfCallers)

export const metastable: Scenario = {
  name: 'metastable',
  summary: `${ratePerSecond} calls a second at a capacity of ${slots * 1000 / meanMs}, of which four fifths go away ` +
    'for ten seconds; callers try three times at once',
  run: async (ground, settings) => {
    const when = timesOf(settings)
    const course: Course = {
      ratePerSecond, durationMs: when.endsAtMs, attemptMs: patienceMs, seed: 1,
      endpoints: [{
        seed: 1, spread: 'exponential', begins: { meanMs, slots },
        changes: [{ atMs: when.failsAtMs, meanMs: meanMs * lostFactor }, { atMs: when.healsAtMs, meanMs }],
      }],
    }
    const { arms, notes } = present([nothing(attemptsOfCallers), haproxy, untouched, seawall])
    const runs = await sideBySide(ground, arms, course)
    return findingsOf({
      claims: claimsOf(runs, when),
      tables: [{
        title: 'Goodput of what was called for, and when it was all there again after the fault',
        columns: ['', 'before', 'during', 'after', 'last 5 s', 'all again after', 'attempts per call, after'],
        rows: runs.map((ran) => rowOf(ran, when)),
      }],
      panels: [goodputPanel('goodput', runs), arrivalsPanel('what reaches the upstream', runs, when.endsAtMs)],
      notes: [
        `seawall: a bulkhead of ${ceiling} with 50 ms of waiting and a deadline of ${patienceMs} ms, beside the ` +
        'learned limit; "defaults": the limit alone, no deadline. haproxy: maxconn of the same, a line of 400 ms.',
        'Attempts that wait for a connection count as sent only when they are; the callers open up to 2,048.',
        ...settings.isShort ? [shortNote] : [], ...notes, ...latenessNotes(runs),
      ],
      data: runs.map((ran) => kept(ran, when.endsAtMs)),
    })
  },
}

function rowOf(ran: Ran, { failsAtMs, healsAtMs, endsAtMs }: Times): readonly string[] {
  const during = (fromMs: number, untilMs: number): string => percent(successRatio(ran.report, { fromMs, untilMs }))
  const after = { fromMs: healsAtMs + within, untilMs: endsAtMs }
  return [
    ran.name, during(0, failsAtMs), during(failsAtMs, healsAtMs), during(after.fromMs, after.untilMs),
    during(endsAtMs - 5000, endsAtMs), seconds(againMs(ran, { failsAtMs, healsAtMs, endsAtMs })),
    times(attemptsPerCall(ran.report, ran.endpoints, after)),
  ]
}

function againMs({ report }: Ran, { healsAtMs, endsAtMs }: Times): number {
  return recoveryMs({
    series: report.series, changeAtMs: healsAtMs, untilMs: endsAtMs, capacityPerSecond: ratePerSecond,
  })
}

function claimsOf(runs: readonly Ran[], when: Times): readonly Claim[] {
  const named = (name: string): Ran | undefined => runs.find((ran) => ran.name === name)
  const [none, ours] = [named('none'), named('seawall')]
  const success = (ran: Ran | undefined, fromMs: number): number =>
    ran === undefined ? NaN : successRatio(ran.report, { fromMs, untilMs: when.endsAtMs })
  const left = success(none, when.healsAtMs)
  const watched = seconds(when.endsAtMs - when.healsAtMs)
  return [
    isTrue(`without: does not come back for ${watched}`, `< ${percent(stillDown)}`, percent(left), left < stillDown),
    atMost('with: goodput of 95 % from', ours === undefined ? NaN : againMs(ours, when), within, seconds),
    atLeast('with: goodput from 3 s on', success(ours, when.healsAtMs + within), leastGoodput, percent),
  ]
}
