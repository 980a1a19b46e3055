// What the scenarios with a timetable have in common: the same course for every contender, round by round, judged by
// one function and drawn once. Nothing is swept here: the static limit is what the steady scenario's sweep comes to.
import { summarise } from '../arms.ts'
import type { ArmResult, Figures } from '../arms.ts'
import type { Contender, Subject } from '../contenders/contender.ts'
import { envoyAdaptive, envoyHint, nginxLimited, none } from '../contenders/protections.ts'
import { seawallUntouched } from '../contenders/seawall.ts'
import type { ServicePlan } from '../origins/workplace.ts'
import type { Course } from './courses.ts'
import { visit } from './run.ts'
import type { Observed, Offer } from './run.ts'
import type { Settings } from './scenario.ts'
import type { Stage } from './stage.ts'

/** Eight slots and what is on its way to and from them. */
const handTuned = 10

export interface Timed<T extends Observed> {
  readonly rounds: number
  readonly first: { readonly plan: ServicePlan, readonly offer: Offer }
  /** The last round is drawn: Seawall's gauges are read in it, and `isDrawn` says so. */
  run(subject: Subject, turn: { readonly round: number, readonly isDrawn: boolean }): Promise<T>
  judge(observed: T): Figures
}

export interface TimedResult {
  readonly arms: readonly ArmResult[]
  readonly courses: readonly Course[]
  readonly notes: readonly string[]
}

const contenders: readonly Contender[] = [none, nginxLimited(handTuned), envoyAdaptive, seawallUntouched()]
const briefContenders: readonly Contender[] = [nginxLimited(handTuned), seawallUntouched()]

/** The last round is also the one that is drawn: a timetable of many seconds is not run once more for its picture. */
export async function runTimed<T extends Observed>(
  stage: Stage, settings: Settings, timed: Timed<T>,
): Promise<TimedResult> {
  const all = settings.isShort ? briefContenders : contenders
  const present = all.filter((contender) => contender.missing() === undefined)
  const figures = new Map<string, Figures[]>()
  const courses = new Map<string, Course>()
  for (let round = 0; round < timed.rounds; round++) {
    for (const contender of present) {
      // Nothing is claimed of the others, and a timetable is long.
      if (round > 0 && (contender === none || contender === envoyAdaptive)) continue
      const { name } = contender
      stage.ground.progress(`round ${round + 1} of ${timed.rounds}: ${name}`)
      const isDrawn = round === timed.rounds - 1
      const observed = await visit(stage, contender, timed.first, (subject) => timed.run(subject, { round, isDrawn }))
      figures.set(name, [...figures.get(name) ?? [], timed.judge(observed)])
      courses.set(name, { name, observed })
    }
  }
  return {
    arms: present.map(({ name }) => summarise(name, figures.get(name) ?? [])),
    courses: [...courses.values()],
    notes: [
      `Median of ${timed.rounds} rounds of the same arrivals for all; without protection and with Envoy one.`,
      ...settings.isShort ? ['A short run: shows that the bench works, and no more.'] : [],
      ...envoyAdaptive.missing() === undefined ? [] : [`Left out: ${envoyAdaptive.missing()} (${envoyHint}).`],
    ],
  }
}

/** The figure of this contender in the worst of its rounds; NaN when it has none. */
export function worst(arms: readonly ArmResult[], name: string, figure: string, way: 'min' | 'max'): number {
  return arms.find((arm) => arm.name === name)?.figures[figure]?.[way] ?? NaN
}

export function medianOf(arms: readonly ArmResult[], name: string, figure: string): number {
  return arms.find((arm) => arm.name === name)?.figures[figure]?.median ?? NaN
}
