// A provider ten times slower, behind a charge service that holds a database connection while it waits for it: whether
// routes that do not need the provider notice, and whether the service's pool comes back. Then a fraud check that uses
// up its bulkhead, and the fan-out route while all it asks says nothing: how long its callers wait.
import { setTimeout as pause } from 'node:timers/promises'
import type { Ground } from '../ground.ts'
import type { Scenario } from '../overload/scenario.ts'
import { catalogue, charges, phase, reading, risk, summary } from './picture-load.ts'
import { startPicture } from './picture.ts'
import type { Picture, PictureChanges } from './picture.ts'
import { callersDeadlineMs, slowProviderFindings } from './slow-provider-report.ts'
import type { PictureResult, Scores } from './slow-provider-report.ts'

const wellMs = 60
const slowFactor = 10
/** Below the second that a score may take: nothing fails, the fraud check is only busy. */
const busyFraudMs = 700
const poolWatchedMs = 15_000
const pollEveryMs = 100
/** Of the egress route of the fan-out in config/charge.json. */
const ownDeadlineMs = 2000

interface PictureArm {
  readonly name: string
  readonly changes: PictureChanges | null
}

/** Fewer at once than the pool has connections, so that a charge that waits leaves some to the others. */
const charging = { bulkhead: { share: 0.08 } }
/** So small that /risk alone can use it up. */
const fraud = { bulkhead: { maxConcurrent: 4, maxWait: '50ms' } }
/** A last good answer would hide whether the service could still answer. */
const catalogueItself = { fallback: 'off' }
const arms: readonly PictureArm[] = [
  { name: 'none', changes: null },
  { name: 'seawall', changes: {
    routes: { 'create-charge': charging, catalogue: catalogueItself }, upstreams: { fraud },
  } },
]
/** What they show beside it is worth a full run only. */
const furtherArms: readonly PictureArm[] = [
  { name: 'seawall, charge.json as it is', changes: {} },
  { name: 'seawall, nothing inherited', changes: {
    routes: {
      'create-charge': charging, catalogue: catalogueItself,
      'pay-status': { inherit: 'off' }, score: { inherit: 'off' },
    },
    upstreams: { fraud },
  } },
]

export const slowProvider: Scenario = {
  name: 'slow-provider',
  summary: `a provider that takes ${slowFactor * wellMs} ms instead of ${wellMs}, behind a service with 8 connections`,
  run: async (ground, settings) => {
    const results: PictureResult[] = []
    for (const arm of settings.isShort ? arms : [...arms, ...furtherArms]) {
      ground.progress(arm.name)
      const picture = await startPicture(ground, arm.name, arm.changes)
      try {
        results.push({ name: arm.name, ...await lead(ground, picture, settings.isShort ? 2000 : 6000) })
      } finally {
        await picture.stop()
      }
    }
    return slowProviderFindings(results, settings)
  },
}

async function lead(ground: Ground, picture: Picture, ms: number): Promise<Omit<PictureResult, 'name'>> {
  const takes = (who: 'fraud' | 'provider', meanMs: number): Promise<void> =>
    picture.behave(who, { latency: { type: 'constant', meanMs } })
  await takes('provider', wellMs)
  await takes('fraud', 5)
  const id = await picture.charge()
  const all = [charges, catalogue, risk, reading(id)]
  await phase(ground, picture, all, ms / 2, 1)
  const warm = await scores(picture)
  const before = await phase(ground, picture, all, ms, 2)
  const known = await scores(picture)

  const lastGoods = (): Promise<number> => picture.counter('seawall_fallbacks_total', ['kind="last-good"'])
  const lastGoodBefore = await lastGoods()
  await takes('provider', slowFactor * wellMs)
  const [slow, pool] = await Promise.all([
    phase(ground, picture, all, ms, 3), watchPool(picture, ms, () => takes('provider', wellMs)),
  ])
  const lastGood = await lastGoods() - lastGoodBefore
  const scoresSlow = since(known, await scores(picture))

  const fraudBefore = await phase(ground, picture, all.slice(1), ms, 4)
  const refusals = (): Promise<number> =>
    picture.counter('seawall_refused_total', ['route="score"', 'code="bulkhead.'])
  const refusedBefore = await refusals()
  await takes('fraud', busyFraudMs)
  const fraudBusy = await phase(ground, picture, all.slice(1), ms, 5)
  const bulkheadRefusals = await refusals() - refusedBefore
  return {
    before, slow, ...pool, scoresBefore: since(warm, known), scoresSlow, lastGood, fraudBefore, fraudBusy,
    bulkheadRefusals,
    ...await fanOut(ground, picture, id, ms),
  }
}

async function scores(picture: Picture): Promise<Scores> {
  const ended = (...having: string[]): Promise<number> =>
    picture.counter('seawall_exchanges_total', ['route="score"', ...having])
  const seconds = await picture.counter('seawall_exchange_seconds_sum', ['route="score"'])
  return { calls: await ended(), good: await ended('status_class="2xx"'), seconds }
}

function since(then: Scores, now: Scores): Scores {
  return { calls: now.calls - then.calls, good: now.good - then.good, seconds: now.seconds - then.seconds }
}

/** The most of it while the provider is slow, and how long after `heal` it is idle; calls end about then. */
async function watchPool(
  picture: Picture, ms: number, heal: () => Promise<void>,
): Promise<Pick<PictureResult, 'mostInUse' | 'mostWaiting' | 'poolAgainMs'>> {
  let [mostInUse, mostWaiting] = [0, 0]
  for (const endMs = performance.now() + ms; performance.now() < endMs; await pause(pollEveryMs)) {
    const { inUse, waiting } = await picture.pool()
    mostInUse = Math.max(mostInUse, inUse)
    mostWaiting = Math.max(mostWaiting, waiting)
  }
  await heal()
  const healedAtMs = performance.now()
  for (;;) {
    const { inUse, waiting } = await picture.pool()
    const poolAgainMs = performance.now() - healedAtMs
    if (inUse === 0 && waiting === 0) return { mostInUse, mostWaiting, poolAgainMs }
    if (poolAgainMs > poolWatchedMs) return { mostInUse, mostWaiting, poolAgainMs: Infinity }
    await pause(pollEveryMs)
  }
}

async function fanOut(
  ground: Ground, picture: Picture, id: string, ms: number,
): Promise<Pick<PictureResult, 'fanOut' | 'egressMs' | 'inherited'>> {
  const egress = async (part: 'sum' | 'count'): Promise<number> =>
    await picture.counter(`seawall_exchange_seconds_${part}`, ['route="pay-status"'])
  const inherited = (): Promise<number> => picture.counter('seawall_inherited_total', ['what="deadline"'])
  const [sum, count, had] = [await egress('sum'), await egress('count'), await inherited()]
  await picture.behave('provider', { stall: true, health: 'unaffected' })
  await picture.behave('fraud', { stall: true })
  const reports = await phase(ground, picture, [summary(id, callersDeadlineMs)], ms, 6)
  // What the callers no longer wait for has to end to be counted: after the 2 s that its own route gives it.
  await pause(ownDeadlineMs + 200)
  return {
    fanOut: reports,
    egressMs: (await egress('sum') - sum) / (await egress('count') - count) * 1000,
    inherited: await inherited() - had,
  }
}
