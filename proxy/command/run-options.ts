// The options of `run`, read and held against each other. What they mean is the configuration's affair.

import { readArguments } from '../config/arguments.ts'

export interface RunOptions {
  /** Exactly one of the two. */
  readonly source:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'upstream'; readonly url: string }
  /** Only with an upstream. */
  readonly listen: string | undefined
  readonly admin: string | undefined
  readonly isObserving: boolean
}

export type RunArguments =
  | { readonly kind: 'options'; readonly options: RunOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'fault'; readonly message: string }

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const

export function readRunArguments(args: readonly string[]): RunArguments {
  const read = readArguments(args, { config: text, upstream: text, listen: text, admin: text, observe: flag })
  if (read.kind !== 'arguments') return read
  const { positionals, values } = read
  const { config, upstream, listen, admin } = values as Record<string, string | undefined>
  if (positionals.length > 0) return fault(`takes no arguments, got "${positionals[0]}"; a file is named with --config`)
  if (config !== undefined && upstream !== undefined) return fault('--config and --upstream exclude each other')
  if (config !== undefined && listen !== undefined) return fault('--listen goes with --upstream; a file names its own')
  const common = { listen, admin, isObserving: values['observe'] === true }
  if (config !== undefined) return { kind: 'options', options: { source: { kind: 'file', path: config }, ...common } }
  if (upstream === undefined) return fault('needs --config FILE or --upstream URL')
  return { kind: 'options', options: { source: { kind: 'upstream', url: upstream }, ...common } }
}

function fault(message: string): RunArguments {
  return { kind: 'fault', message }
}
