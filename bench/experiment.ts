// The shape of an experiment: what it is told, and what it brings back to be printed, drawn and kept. Holds no
// behaviour.
import type { Ground } from './ground.ts'
import type { Panel } from './svg.ts'
import type { Table } from './table.ts'

/** Zero stands for what the experiment does not take. */
export interface ExperimentNumbers {
  /** Measured seconds of each run, warm-up apart. */
  readonly seconds: number
  /** How often each arm is visited. */
  readonly rounds: number
  /** Requests a second in the open loop. */
  readonly rate: number
}

export interface ExperimentOptions extends ExperimentNumbers {
  /** The parts to run, of those the experiment has; empty: all. */
  readonly parts: readonly string[]
  /** Only to see that everything works. */
  readonly isShort: boolean
}

export interface Experiment {
  readonly name: string
  readonly summary: string
  readonly defaults: ExperimentNumbers
  /** Instead of the defaults in a short run; without it there is none. */
  readonly short?: ExperimentNumbers
  /** The longest run it may be asked for, seconds; ten minutes without it. */
  readonly maxSeconds?: number
  /** Names of parts that can be run alone. */
  readonly parts?: readonly string[]
  run(ground: Ground, options: ExperimentOptions): Promise<Findings>
}

export interface Findings {
  readonly tables: readonly Table[]
  readonly panels: readonly Panel[]
  /** What a reader must know to judge the figures: how they were taken, and what went wrong. */
  readonly notes: readonly string[]
  /** Every figure of every round, for machines. */
  readonly data: unknown
  readonly checks: readonly Check[]
  /** Contents by name, instead of the one document and the one picture that are kept otherwise. */
  readonly files?: Readonly<Record<string, string>>
}

/** A claim the experiment can refute; the run ends with exit code 1 if one does not hold. */
export interface Check {
  readonly claim: string
  readonly holds: boolean
}
