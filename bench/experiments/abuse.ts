// What callers that only take places cost the others: the answers of everybody else beside a thousand heads that never
// end, and the memory of thousands of idle connections against that of a bare server.
import { fileURLToPath } from 'node:url'
import { haproxyLike, nodeHttp } from '../contenders/neighbours.ts'
import type { Subject } from '../contenders/contender.ts'
import { seawall } from '../contenders/seawall.ts'
import type { Experiment, ExperimentOptions, Findings } from '../experiment.ts'
import { startOrigin } from '../ground.ts'
import type { Ground } from '../ground.ts'
import { freePort } from '../processes.ts'
import type { RunningProcess } from '../processes.ts'
import { memoryOf } from '../procfs.ts'
import { median } from '../statistics.ts'
import { short } from '../table.ts'
import { getSmall, notOk, offer, openPlan } from '../workloads.ts'

const slowHeads = 1000
/** As many as fit beside others below the default of 10,000. */
const idleConnections = 9900
const allowedRatio = 1.2
const allowedMemoryRatio = 1.3

export const abuse: Experiment = {
  name: 'abuse',
  summary: `others beside ${slowHeads} endless heads; memory of ${idleConnections} idle connections`,
  defaults: { seconds: 10, rounds: 5, rate: 1000 },
  short: { seconds: 2, rounds: 1, rate: 300 },
  parts: ['slow-heads', 'idle'],
  run: measure,
}

async function measure(ground: Ground, options: ExperimentOptions): Promise<Findings> {
  const wants = (part: string): boolean => options.parts.length === 0 || options.parts.includes(part)
  const origin = await startOrigin(ground, 'origin.ts')
  const others = wants('slow-heads') ? await besideSlowHeads(ground, origin.port, options) : []
  const idle = wants('idle') ? await idleCosts(ground, origin.port, options) : []
  const ratioOf = (name: string): number =>
    median(others.filter(({ server }) => server === name).map((round) => round.withMs / round.withoutMs))
  const [own, bare] = [idle.find(({ name }) => name === 'seawall'), idle.find(({ name }) => name === 'bare node:http')]
  return {
    tables: [
      { title: `p99 of others beside ${slowHeads} heads that never end, ms`, columns: ['server', 'round', 'without',
        'with', 'ratio', 'not 2xx'],
        rows: others.map(({ server, round, withoutMs, withMs, notOk: failed, codes }) =>
          [server, String(round), short(withoutMs), short(withMs), short(withMs / withoutMs),
            failedText(failed, codes)]) },
      { title: `Memory of ${idleConnections} idle keep-alive connections`, columns: ['server', 'before MiB',
        'after MiB', 'KiB each'],
        rows: idle.map(({ name, beforeBytes, afterBytes }) => [name, short(beforeBytes / 2 ** 20),
          short(afterBytes / 2 ** 20), short((afterBytes - beforeBytes) / idleConnections / 1024)]) },
    ].filter(({ rows }) => rows.length > 0),
    panels: [],
    notes: [
      `Others: an open load of ${options.rate} requests a second, without and with in turn; origin and load on one `
        + 'core, Seawall on the other. The crowd has what origin and load leave of theirs.',
      'Each head begins and gets a byte a second at a time of its own; what is thrown out after 10 s comes again.',
      'Memory: proportional set of the process before, and when all connections have asked once and are silent.',
    ],
    data: { others, idle },
    checks: [
      ...(others.length === 0 ? [] : [{
        claim: `the p99 of others stays within ${allowedRatio} of what it is without them `
          + `(median ${short(ratioOf('seawall'))}, HAProxy ${short(ratioOf('haproxy'))})`,
        holds: ratioOf('seawall') <= allowedRatio,
      }, {
        claim: 'the others get a 2xx, or are refused by the learned limit where one of the processes had no core',
        holds: others.every(({ notOk: failed, codes }) => failed === refusedByLimit(codes)),
      }]),
      ...(own === undefined || bare === undefined ? [] : [{
        claim: `an idle process full of connections takes at most ${allowedMemoryRatio} of a bare server's memory`,
        holds: own.afterBytes <= bare.afterBytes * allowedMemoryRatio,
      }]),
    ],
  }
}

interface Round {
  readonly server: string
  readonly round: number
  readonly withoutMs: number
  readonly withMs: number
  readonly notOk: number
  /** Of those that are refusals: how many gave which reason. */
  readonly codes: Readonly<Record<string, number>>
}

/** HAProxy under the same crowd: what of it is the machine, and what the server. */
const neighbour = haproxyLike('haproxy', { frontend: 'timeout http-request 10s' })

async function besideSlowHeads(ground: Ground, originPort: number, options: ExperimentOptions): Promise<Round[]> {
  const subjects: { name: string, subject: Subject }[] = []
  for (const contender of [seawall(), neighbour]) {
    const missing = contender.missing()
    if (missing !== undefined) ground.progress(`${contender.name} does not take part: ${missing}`)
    else subjects.push({ name: contender.name, subject: await contender.start(ground, originPort) })
  }
  const found: Round[] = []
  for (const { subject } of subjects) await othersOf(ground, subject, options, 0)
  for (let round = 1; round <= options.rounds; round++) {
    for (const { name, subject } of subjects) found.push(await oneRound(ground, name, subject, options, round))
  }
  for (const { subject } of subjects) await subject.stop()
  return found
}

async function oneRound(
  ground: Ground, server: string, subject: Subject, options: ExperimentOptions, round: number,
): Promise<Round> {
  const without = await othersOf(ground, subject, options, round)
  const crowd = await startCrowd(ground, subject.port, 'slow-heads', slowHeads)
  const beside = await othersOf(ground, subject, options, round)
  await crowd.stop()
  const failed = without.notOk + beside.notOk
  const codes = sumOf(without.codes, beside.codes)
  // At once, for whoever cannot wait for the end, or does not live to see it.
  ground.progress(`slow heads, ${server}, round ${round} of ${options.rounds}: p99 ${short(without.p99Ms)} ms without, `
    + `${short(beside.p99Ms)} ms with, ratio ${short(beside.p99Ms / without.p99Ms)}, not 2xx `
    + failedText(failed, codes))
  return { server, round, withoutMs: without.p99Ms, withMs: beside.p99Ms, notOk: failed, codes }
}

/** Whose fault it was is said by the code: a stalled machine makes a line, and the limit refuses who stands in it. */
function failedText(failed: number, codes: Readonly<Record<string, number>>): string {
  const reasons = Object.entries(codes).map(([code, count]) => `${code || 'no code'} ${count}`)
  return reasons.length === 0 ? String(failed) : `${failed} (${reasons.join(', ')})`
}

function refusedByLimit(codes: Readonly<Record<string, number>>): number {
  return (codes['shed.limit'] ?? 0) + (codes['shed.queue'] ?? 0)
}

function sumOf(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const sum = { ...a }
  for (const [code, count] of Object.entries(b)) sum[code] = (sum[code] ?? 0) + count
  return sum
}

/** What everybody else sees meanwhile. */
async function othersOf(
  ground: Ground, subject: Subject, { seconds, rate }: ExperimentOptions, seed: number,
): Promise<{ p99Ms: number; notOk: number; codes: Readonly<Record<string, number>> }> {
  const report = await offer(ground, openPlan(subject, getSmall, { seconds, ratePerSecond: rate, seed: seed + 1 }))
  return { p99Ms: report.outcomes['2xx']?.p99Ms ?? NaN, notOk: notOk(report), codes: report.refusalCodes ?? {} }
}

interface IdleCost { readonly name: string; readonly beforeBytes: number; readonly afterBytes: number }

async function idleCosts(ground: Ground, originPort: number, options: ExperimentOptions): Promise<IdleCost[]> {
  const found: IdleCost[] = []
  const bare = async (): Promise<{ port: number, pid: number, stop(): Promise<void> }> => {
    const running = await startOrigin(ground, 'bare-server.ts')
    return { port: running.port, pid: running.pid, stop: () => running.stop() }
  }
  const servers = [['seawall', () => seawall().start(ground, originPort)], ['bare node:http', bare],
    ['node:http proxy', () => nodeHttp.start(ground, originPort)]] as const
  for (const [name, start] of servers) {
    const subject = await start()
    await othersOf(ground, subject, { ...options, seconds: 2 }, 0)
    const beforeBytes = memoryOf(subject.pid ?? 0).pssBytes
    const crowd = await startCrowd(ground, subject.port, 'idle', idleConnections)
    await new Promise((resolve) => { setTimeout(resolve, 3000) })
    const afterBytes = memoryOf(subject.pid ?? 0).pssBytes
    found.push({ name, beforeBytes, afterBytes })
    ground.progress(`idle connections, ${name}: ${short(beforeBytes / 2 ** 20)} MiB before, `
      + `${short(afterBytes / 2 ** 20)} MiB with ${idleConnections}`)
    await crowd.stop()
    await subject.stop()
  }
  return found
}

async function startCrowd({ processes, cpus }: Ground, port: number, kind: string,
  count: number): Promise<RunningProcess> {
  const readyPort = await freePort()
  const entry = fileURLToPath(new URL('../crowd.ts', import.meta.url))
  return processes.serve({
    name: kind, command: process.execPath, args: [entry, String(readyPort), String(port), kind, String(count)],
    cpu: cpus.load, port: readyPort, yields: true,
  })
}
