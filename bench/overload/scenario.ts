// The shape of one scenario of the overload experiment. Holds no behaviour.
import type { Findings } from '../experiment.ts'
import type { Ground } from '../ground.ts'

export interface Settings {
  /** Measured seconds of each run of the steady scenarios; the others have a timetable of their own. */
  readonly seconds: number
  /** How often each contender is visited. */
  readonly rounds: number
  /** One round and short timetables: shows that the bench works, and no more. */
  readonly isShort: boolean
}

export interface Scenario {
  readonly name: string
  readonly summary: string
  run(ground: Ground, settings: Settings): Promise<Findings>
}
