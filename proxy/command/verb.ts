// What a verb of the command line is: a function of its arguments and of what it may reach, that answers with an exit
// code. It touches no process.

import { parseArgs } from 'node:util'
import type { ParseArgsConfig } from 'node:util'
import type { CommandIo } from '../config/commands.ts'
import { nearest } from '../config/suggest.ts'

/** 0 ok, 1 a check failed or a run ended badly, 2 usage, 3 invalid configuration, 4 admin listener not reachable. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, invalid: 3, unreachable: 4 } as const

export interface VerbIo extends CommandIo {
  /** Resolves after that time and keeps the process alive until then. */
  readonly wait: (ms: number) => Promise<void>
}

export type Verb = (args: readonly string[], io: VerbIo) => number | Promise<number>

export type VerbOptions = Exclude<ParseArgsConfig['options'], undefined>

export type VerbArguments =
  | { readonly kind: 'arguments'; readonly values: Values; readonly positionals: readonly string[] }
  | { readonly kind: 'help' }
  /** What is wrong, in one sentence. */
  | { readonly kind: 'fault'; readonly message: string }

export type Values = Readonly<Record<string, string | boolean | undefined>>

/** Reads the arguments of a verb; `--help` wins over whatever else is wrong with them. */
export function readArguments(args: readonly string[], options: VerbOptions): VerbArguments {
  if (args.includes('--help') || args.includes('-h')) return { kind: 'help' }
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    return { kind: 'arguments', values: values as Values, positionals }
  } catch (error) {
    return { kind: 'fault', message: faultOf(error as Error & { code?: string }, options) }
  }
}

function faultOf({ code, message }: Error & { readonly code?: string }, options: VerbOptions): string {
  const option = /'(?:-\w, )?(--?[^' ]*)/.exec(message)?.[1] ?? ''
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const near = nearest(option.replace(/^-+/, ''), [...Object.keys(options), 'help'])
    return `there is no option ${option}${near === null ? '' : `, did you mean --${near}?`}`
  }
  // "Option '--x <value>' argument missing", "Option '--y' does not take an argument"
  return option === '' ? message : `${option} ${message.includes('does not take') ? 'takes no value' : 'needs a value'}`
}

/** Says on stderr what is wrong and where help is. */
export function usageFault(io: VerbIo, verb: string, message: string): number {
  io.stderr(`seawall ${verb}: ${message}\nSee "seawall ${verb} --help".\n`)
  return exitCodes.usage
}
