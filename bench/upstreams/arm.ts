// What stands between callers and endpoints in one arm. A contender of the other experiments has one origin; here an
// arm may have several, and callers without anything in between go to them in turn. Knows no scenario.
import type { Contender } from '../contenders/contender.ts'
import type { Ground } from '../ground.ts'

export interface Arm {
  readonly name: string
  /** What its callers do for themselves; 1 where the arm does it for them. */
  readonly callerAttempts: number
  /** Why it cannot take part on this machine. */
  missing(): string | undefined
  start(ground: Ground, ports: readonly number[]): Promise<StartedArm>
}

export interface StartedArm {
  /** Where the callers go. */
  readonly ports: readonly number[]
  readonly metricsPort?: number
  stop(): Promise<void>
}

/** Nothing in between: callers ask the endpoints in turn. */
export function nothing(callerAttempts: number, name = 'none'): Arm {
  return {
    name, callerAttempts, missing: () => undefined,
    start: async (_ground, ports) => ({ ports, stop: async () => {} }),
  }
}

/** `contender` is made for the endpoints' ports once they are known. */
export function through(name: string, contender: (ports: readonly number[]) => Contender, callerAttempts = 1): Arm {
  return {
    name, callerAttempts,
    missing: () => contender([0]).missing(),
    start: async (ground, ports) => {
      const { port, metricsPort, stop } = await contender(ports).start(ground, ports[0] ?? 0)
      return { ports: [port], ...metricsPort !== undefined && { metricsPort }, stop }
    },
  }
}
