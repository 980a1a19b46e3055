// The arguments of one verb of the command line, read against its options; what is wrong with them in one sentence.

import { parseArgs } from 'node:util'
import type { ParseArgsConfig } from 'node:util'
import { nearest } from './suggest.ts'

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

/** Says on stderr what is wrong with the arguments and where help is; the exit code of usage. */
export function usageFault(io: { readonly stderr: (text: string) => void }, verb: string, message: string): 2 {
  io.stderr(`seawall ${verb}: ${message}\nSee "seawall ${verb} --help".\n`)
  return 2
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
