// What a verb of the command line is: a function of its arguments and of what it may reach, that answers with an exit
// code. It touches no process.

import type { CommandIo } from '../config/commands.ts'

/** 0 ok, 1 a check failed or a run ended badly, 2 usage, 3 invalid configuration, 4 admin listener not reachable. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, invalid: 3, unreachable: 4 } as const

export interface VerbIo extends CommandIo {
  /** Resolves after that time and keeps the process alive until then. */
  readonly wait: (ms: number) => Promise<void>
}

export type Verb = (args: readonly string[], io: VerbIo) => number | Promise<number>
