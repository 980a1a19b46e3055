// Alternating arms: A B C, A B C, … so that a machine which slows down or a neighbour who wakes up hits all arms alike,
// and ratios are taken round by round, between figures that stood minutes apart at most. Measures nothing itself.
import { spreadOf } from './statistics.ts'
import type { Spread } from './statistics.ts'

/** Figures by name, with the unit last in the name. A figure an arm cannot have is left out, never zero. */
export type Figures = Readonly<Record<string, number>>

export interface Arm {
  readonly name: string
  /** One visit: start, warm up, measure, stop. */
  measure(round: number): Promise<Figures>
}

export interface ArmResult {
  readonly name: string
  /** As measured, round by round. */
  readonly rounds: readonly Figures[]
  readonly figures: Readonly<Record<string, Spread>>
}

export interface AlternationOptions {
  readonly arms: readonly Arm[]
  /** At least `minRounds`. */
  readonly rounds: number
  readonly progress?: (text: string) => void
}

/** Fewer give a median no meaning. */
export const minRounds = 3

/** Throws RangeError on too few rounds, and whatever an arm throws. */
export async function alternate(options: AlternationOptions): Promise<readonly ArmResult[]> {
  const { arms, rounds, progress } = options
  if (rounds < minRounds) {
    throw new RangeError(`Cannot compare arms: rounds must be at least ${minRounds}, got ${rounds}`)
  }
  const measured = arms.map((): Figures[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, arm] of arms.entries()) {
      progress?.(`round ${round + 1} of ${rounds}: ${arm.name}`)
      measured[index]?.push(await arm.measure(round))
    }
  }
  return arms.map((arm, index) => summarise(arm.name, measured[index] ?? []))
}

export function summarise(name: string, rounds: readonly Figures[]): ArmResult {
  const names = new Set(rounds.flatMap((figures) => Object.keys(figures)))
  const figures = [...names].map((figure) => [figure, spreadOf(rounds.flatMap((one) => one[figure] ?? []))] as const)
  return { name, rounds, figures: Object.fromEntries(figures) }
}

/**
 * The figure of `arm` over that of `baseline`, in each round where the baseline has one above zero (a difference lost
 * in noise may not be); undefined when there is no such round.
 */
export function ratioTo(baseline: ArmResult, arm: ArmResult, figure: string): Spread | undefined {
  const ratios = arm.rounds.flatMap((own, round) => {
    const [over, under] = [own[figure], baseline.rounds[round]?.[figure]]
    return over === undefined || under === undefined || under <= 0 ? [] : [over / under]
  })
  return ratios.length === 0 ? undefined : spreadOf(ratios)
}

/**
 * The same results with new figures: what each arm has above the baseline arm in the same round. `differences` maps a
 * figure to the name of its difference. The baseline itself gets none.
 */
export function withDifferences(
  results: readonly ArmResult[], baseline: ArmResult, differences: Readonly<Record<string, string>>,
): readonly ArmResult[] {
  return results.map((arm) => arm.name === baseline.name ? arm : summarise(arm.name, arm.rounds.map((own, round) => ({
    ...own,
    ...Object.fromEntries(Object.entries(differences).flatMap(([figure, name]) => {
      const [value, base] = [own[figure], baseline.rounds[round]?.[figure]]
      return value === undefined || base === undefined ? [] : [[name, value - base]]
    })),
  }))))
}

/** The arm of this name, if it took part. */
export function armNamed(results: readonly ArmResult[], name: string): ArmResult | undefined {
  return results.find((result) => result.name === name)
}
