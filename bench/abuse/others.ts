// What everybody else sees beside a crowd, and what the crowd takes of memory: an open load without and with the crowd
// in turn, Seawall and HAProxy in turn.
import { fileURLToPath } from 'node:url'
import type { Subject } from '../contenders/contender.ts'
import { haproxyLike } from '../contenders/neighbours.ts'
import { seawall } from '../contenders/seawall.ts'
import type { ExperimentOptions } from '../experiment.ts'
import type { Ground } from '../ground.ts'
import { freePort } from '../processes.ts'
import type { RunningProcess } from '../processes.ts'
import { memoryOf } from '../procfs.ts'
import { short } from '../table.ts'
import { getSmall, notOk, offer, openPlan } from '../workloads.ts'
import { kinds } from './kinds.ts'

export interface Round {
  readonly crowd: string
  readonly server: string
  readonly round: number
  readonly withoutMs: number
  readonly withMs: number
  /** Of the others, without and with. */
  readonly notOk: number
  /** Of those that are refusals: how many gave which reason. */
  readonly codes: Readonly<Record<string, number>>
  /** Proportional set of the server beside the crowd, over what it was without. */
  readonly grownBytes: number
}

/** HAProxy under the same crowd: what of it is the machine, and what the server. */
const neighbour = haproxyLike('haproxy', { frontend: 'timeout http-request 10s' })

export async function besideCrowds(
  ground: Ground, originPort: number, crowds: readonly string[], options: ExperimentOptions,
): Promise<Round[]> {
  const subjects: { name: string, subject: Subject }[] = []
  for (const contender of [seawall(), neighbour]) {
    const missing = contender.missing()
    if (missing !== undefined) ground.progress(`${contender.name} does not take part: ${missing}`)
    else subjects.push({ name: contender.name, subject: await contender.start(ground, originPort) })
  }
  const found: Round[] = []
  if (crowds.length > 0) for (const { subject } of subjects) await othersOf(ground, subject, options, 0)
  for (const crowd of crowds) {
    for (let round = 1; round <= options.rounds; round++) {
      for (const { name, subject } of subjects) found.push(await oneRound(ground, crowd, name, subject, options, round))
    }
  }
  for (const { subject } of subjects) await subject.stop()
  return found
}

async function oneRound(
  ground: Ground, kind: string, server: string, subject: Subject, options: ExperimentOptions, round: number,
): Promise<Round> {
  const without = await othersOf(ground, subject, options, round)
  const before = memoryOf(subject.pid ?? 0).pssBytes
  const crowd = await startCrowd(ground, subject.port, kind)
  const beside = await othersOf(ground, subject, options, round)
  const grownBytes = memoryOf(subject.pid ?? 0).pssBytes - before
  await crowd.stop()
  const failed = without.notOk + beside.notOk
  const codes = sumOf(without.codes, beside.codes)
  // At once, for whoever cannot wait for the end, or does not live to see it.
  ground.progress(`${kind}, ${server}, round ${round} of ${options.rounds}: p99 ${short(without.p99Ms)} ms without, `
    + `${short(beside.p99Ms)} ms with, ratio ${short(beside.p99Ms / without.p99Ms)}, `
    + `${short(grownBytes / 2 ** 20)} MiB, not 2xx ${failedText(failed, codes)}`)
  const [withoutMs, withMs] = [without.p99Ms, beside.p99Ms]
  return { crowd: kind, server, round, withoutMs, withMs, notOk: failed, codes, grownBytes }
}

/** Whose fault it was is said by the code: a stalled machine makes a line, and the limit refuses who stands in it. */
export function failedText(failed: number, codes: Readonly<Record<string, number>>): string {
  const reasons = Object.entries(codes).map(([code, count]) => `${code || 'no code'} ${count}`)
  return reasons.length === 0 ? String(failed) : `${failed} (${reasons.join(', ')})`
}

export function refusedByLimit(codes: Readonly<Record<string, number>>): number {
  return (codes['shed.limit'] ?? 0) + (codes['shed.queue'] ?? 0)
}

function sumOf(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const sum = { ...a }
  for (const [code, count] of Object.entries(b)) sum[code] = (sum[code] ?? 0) + count
  return sum
}

export async function othersOf(
  ground: Ground, subject: Subject, { seconds, rate }: ExperimentOptions, seed: number,
): Promise<{ p99Ms: number; notOk: number; codes: Readonly<Record<string, number>> }> {
  const report = await offer(ground, openPlan(subject, getSmall, { seconds, ratePerSecond: rate, seed: seed + 1 }))
  return { p99Ms: report.outcomes['2xx']?.p99Ms ?? NaN, notOk: notOk(report), codes: report.refusalCodes ?? {} }
}

/** On the load's core, with what load and origin leave of it: attackers have machines of their own. */
export function startCrowd({ processes, cpus }: Ground, port: number, kind: string): Promise<RunningProcess> {
  const entry = fileURLToPath(new URL('./crowd.ts', import.meta.url))
  return freePort().then((readyPort) => processes.serve({
    name: kinds[kind]?.title ?? kind, command: process.execPath, args: [entry, String(readyPort), String(port), kind],
    cpu: cpus.load, port: readyPort, yields: true,
  }))
}
