// One request in ten fails, at one endpoint, at random: nearly every call succeeds, for hardly more attempts.
import type { Scenario } from '../overload/scenario.ts'
import { seawallWith } from './seawall.ts'
import { nothing, through } from './arm.ts'
import { atLeast, atMost, milliseconds, percent, times } from './claims.ts'
import { arrivalsPanel, findingsOf, goodputPanel, kept, latenessNotes, shortNote } from './findings.ts'
import { attemptsPerCall, successRatio } from './judging.ts'
import { envoyRetrying, haproxyRetrying } from './neighbours.ts'
import { present, sideBySide } from './run.ts'
import type { Ran } from './run.ts'

const ratePerSecond = 100
const errorShare = 0.1
const mostAttempts = 1.1
const leastSuccess = 0.98
/** The reserve of retries that every upstream begins with is used up by then: what is left is what successes pay. */
const firstLoadMs = 6000

const seawall = through('seawall', () => seawallWith('seawall', {}, [
  { name: 'everything', match: { path: '/*' }, retry: { maxAttempts: 3 } },
]))

export const partial: Scenario = {
  name: 'partial',
  summary: `${ratePerSecond} calls a second, and one request in ten fails with 503`,
  run: async (ground, settings) => {
    const durationMs = settings.isShort ? 8000 : 30_000
    const { arms, notes } = present([nothing(1), nothing(3, 'callers repeat'), haproxyRetrying, envoyRetrying, seawall])
    const runs = await sideBySide(ground, arms, {
      ratePerSecond, durationMs, attemptMs: 1000, seed: 1, firstLoadMs,
      endpoints: [{ seed: 1, spread: 'exponential', begins: { meanMs: 20, slots: 8, errorShare }, changes: [] }],
    })
    const span = { fromMs: 0, untilMs: durationMs }
    const figures = (ran: Ran) => ({
      attempts: attemptsPerCall(ran.report, ran.endpoints, span), success: successRatio(ran.report, span),
    })
    const ours = runs.find(({ name }) => name === 'seawall')
    const { attempts, success } = ours === undefined ? { attempts: NaN, success: NaN } : figures(ours)
    return findingsOf({
      claims: [
        atMost('attempts per call', attempts, mostAttempts, times),
        atLeast('calls that succeed', success, leastSuccess, percent),
      ],
      tables: [{
        title: 'One in ten fails',
        columns: ['', 'attempts per call', 'success', 'p50', 'p99'],
        rows: runs.map((ran) => {
          const { p50Ms, p99Ms } = ran.report.ok
          const own = figures(ran)
          return [ran.name, times(own.attempts), percent(own.success), milliseconds(p50Ms), milliseconds(p99Ms)]
        }),
      }],
      panels: [arrivalsPanel('what reaches the upstream', runs, durationMs), goodputPanel('goodput', runs)],
      notes: [
        `The upstream fails from its very start, and so in the first load of ${firstLoadMs / 1000} s.`,
        ...settings.isShort ? [shortNote] : [], ...notes, ...latenessNotes(runs),
      ],
      data: runs.map((ran) => kept(ran, durationMs)),
    })
  },
}
