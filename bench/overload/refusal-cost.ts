// What a refusal costs the proxy in CPU time: Seawall's under too much load, beside answers of others that only ever
// refuse and decide nothing. Measured twice: in open loop at ten times the load of a service, and in closed loop at
// the proxy's full speed, where it reads many requests a turn. The second is what is usually given as the cost of an
// answer; the first has in it what it costs a process to wake up.
import { ratioTo, summarise } from '../arms.ts'
import type { ArmResult, Figures } from '../arms.ts'
import type { Contender, Subject } from '../contenders/contender.ts'
import { constantHaproxy, constantNginx, constantNode } from '../contenders/protections.ts'
import { seawallBulkhead, seawallUntouched, seawallWithoutRoute } from '../contenders/seawall.ts'
import type { Check, Findings } from '../experiment.ts'
import type { LoadReport } from '../generator/plan.ts'
import type { ServicePlan } from '../origins/workplace.ts'
import type { DotPanel } from '../svg.ts'
import { spreadCell } from '../table.ts'
import { closedPlan, getSmall, offer as offerLoad } from '../workloads.ts'
import { observe, visit } from './run.ts'
import type { Scenario, Settings } from './scenario.ts'
import { startStage } from './stage.ts'
import type { Stage } from './stage.ts'

const ratePerSecond = 4000
/** Far more than a small service's limit lets through at once. */
const closedConnections = 64
const mostOfHaproxy = 2.5
const mostOfProxied = 0.5

/** A tenth of what is offered. */
const small: ServicePlan = {
  shape: { kind: 'slots', slots: 8, meanMs: 20, spread: 'exponential', seed: 1 }, changes: [],
}
/** Bears all that is offered. */
const ample: ServicePlan = {
  shape: { kind: 'slots', slots: 1024, meanMs: 1, spread: 'constant', seed: 1 }, changes: [],
}

interface Candidate {
  readonly contender: Contender
  readonly plan: ServicePlan
}

const proxied = 'seawall, proxied'
const refusing = 'seawall, refusing'

const candidates: readonly Candidate[] = [
  { contender: constantHaproxy, plan: ample },
  { contender: constantNginx, plan: ample },
  { contender: constantNode, plan: ample },
  { contender: seawallWithoutRoute('seawall, no route'), plan: ample },
  // A wide ceiling in place of what is learned: nothing is refused, so nothing is in its cost that is not proxied.
  { contender: seawallBulkhead(512, proxied), plan: ample },
  { contender: seawallUntouched(refusing), plan: small },
]

export const refusalCost: Scenario = {
  name: 'refusal-cost',
  summary: 'CPU time of a refusal, beside constant answers: at ten times the load, and at full speed',
  run: async (ground, settings) => {
    const stage = await startStage(ground, 'slots')
    const present = candidates.filter(({ contender }) => contender.missing() === undefined)
    const figures = new Map<string, Figures[]>()
    for (let round = 0; round < settings.rounds; round++) {
      let proxiedCosts: Figures = {}
      for (const candidate of present) {
        const { name } = candidate.contender
        ground.progress(`round ${round + 1} of ${settings.rounds}: ${name}`)
        const costs = await visit(stage, candidate.contender, undefined, (subject) =>
          measure(stage, subject, candidate, settings, round, name === refusing ? proxiedCosts : {}))
        if (name === proxied) proxiedCosts = costs
        figures.set(name, [...figures.get(name) ?? [], costs])
      }
    }
    await stage.stop()
    return findings(present.map(({ contender: { name } }) => summarise(name, figures.get(name) ?? [])))
  },
}

async function measure(
  stage: Stage, subject: Subject, { contender, plan }: Candidate, settings: Settings, round: number,
  proxiedCosts: Figures,
): Promise<Figures> {
  const { seconds, isShort } = settings
  const { report } = await observe(stage, subject, plan,
    { ratePerSecond, warmUpSeconds: isShort ? 0.7 : 1.5, seconds, seed: round + 1 })
  await stage.plan(plan)
  const closed = await offerLoad(stage.ground,
    closedPlan(subject, getSmall, { seconds, warmUpSeconds: 0.5, connections: closedConnections }))
  const isProxied = contender.name === proxied
  const openUs = isProxied ? proxiedUs(report) : refusedUs(report, proxiedCosts.openUs)
  const closedUs = isProxied ? proxiedUs(closed) : refusedUs(closed, proxiedCosts.closedUs)
  const { ok, refused } = countsOf(report)
  return {
    ok, refused,
    ...openUs !== undefined && { openUs },
    ...closedUs !== undefined && { closedUs },
    closedPerSecond: closed.finished / closed.measuredMs * 1000,
  }
}

/** Of all answers. More than this give up or end the other way, and their cost would be laid on those that count. */
const fewRatio = 0.01

/** CPU time of a proxied request; undefined when not nearly all were. */
export function proxiedUs(report: LoadReport): number | undefined {
  const { cpuUs, ok, refused, late } = countsOf(report)
  return ok === 0 || refused + late > fewRatio * ok ? undefined : cpuUs / ok
}

/**
 * CPU time of a refusal: `eachProxiedUs` is taken off for those that were answered by the service, and what is left is
 * shared by those that were not. Undefined when something was proxied at an unknown price, when callers waited until
 * they left, or when nothing was refused.
 */
export function refusedUs(report: LoadReport, eachProxiedUs: number | undefined): number | undefined {
  const { cpuUs, ok, refused, late } = countsOf(report)
  if (refused === 0 || late > fewRatio * refused || (ok > 0 && eachProxiedUs === undefined)) return undefined
  return (cpuUs - ok * (eachProxiedUs ?? 0)) / refused
}

function countsOf({ watched, outcomes }: LoadReport): { cpuUs: number, ok: number, refused: number, late: number } {
  return {
    cpuUs: (watched?.cpuMs ?? 0) * 1000,
    ok: outcomes['2xx']?.count ?? 0,
    refused: (outcomes['503']?.count ?? 0) + (outcomes['4xx']?.count ?? 0),
    late: outcomes.timeout?.count ?? 0,
  }
}

function findings(arms: readonly ArmResult[]): Findings {
  return {
    tables: [{
      title: 'CPU time an answer, in microseconds',
      columns: ['', 'at full speed', 'answers/s', `at ${ratePerSecond}/s`, 'proxied', 'refused'],
      rows: arms.map(({ name, figures }) => [
        name, spreadCell(figures.closedUs), spreadCell(figures.closedPerSecond), spreadCell(figures.openUs),
        spreadCell(figures.ok), spreadCell(figures.refused),
      ]),
    }],
    panels: [panel(arms, 'closedUs', 'at full speed'), panel(arms, 'openUs', `at ${ratePerSecond} a second`)],
    notes: [
      'User and system time of all threads. Seawall refusing: without what its proxied requests cost, at the price ' +
      'of "proxied" in the same round. "No route" is a constant 404: gate, match and counting, no admission. ' +
      `At full speed: closed loop of ${closedConnections} connections; claims are about that column.`,
    ],
    data: { arms },
    checks: [
      atMost(arms, constantHaproxy.name, mostOfHaproxy, 'of HAProxy\'s constant 503'),
      atMost(arms, proxied, mostOfProxied, 'of a proxied request'),
    ],
  }
}

function panel(arms: readonly ArmResult[], figure: 'closedUs' | 'openUs', title: string): DotPanel {
  const rows = arms.flatMap(({ name, figures: { [figure]: spread } }) =>
    spread === undefined ? [] : [{ name, spread }])
  return { kind: 'dots', title, valueLabel: 'microseconds an answer', rows }
}

function atMost(arms: readonly ArmResult[], baseline: string, most: number, what: string): Check {
  const [base, own] = [baseline, refusing].map((name) => arms.find((arm) => arm.name === name))
  const ratio = base === undefined || own === undefined ? undefined : ratioTo(base, own, 'closedUs')?.median
  return {
    claim: `a refusal costs at most ${most} ${what} (${ratio?.toFixed(2) ?? 'nothing was refused'})`,
    holds: ratio !== undefined && ratio <= most,
  }
}
