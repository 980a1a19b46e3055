// The first word of the command line: finds the verb, or says which one may have been meant.

import { nearest } from '../config/suggest.ts'
import { usage } from './usage.ts'
import { exitCodes } from './verb.ts'
import type { Verb, VerbIo } from './verb.ts'

const names = ['run', 'validate', 'schema', 'explain', 'drain', 'reload', 'status'] as const
export type VerbName = (typeof names)[number]
export type Verbs = { readonly [Name in VerbName]: Verb }

/** Runs the verb of `args` (without node and script); resolves to the exit code. */
export async function dispatch(args: readonly string[], verbs: Verbs, io: VerbIo, version: string): Promise<number> {
  const [word, ...rest] = args
  if (word === '--version' || word === '-v') {
    io.stdout(`${version}\n`)
    return exitCodes.ok
  }
  if (word === '--help' || word === '-h' || word === 'help') return help(rest[0], verbs, io)
  if (word === undefined) {
    io.stderr(usage)
    return exitCodes.usage
  }
  return isVerb(word) ? verbs[word](rest, io) : unknown(word, args, io)
}

function isVerb(word: string): word is VerbName {
  return (names as readonly string[]).includes(word)
}

async function help(word: string | undefined, verbs: Verbs, io: VerbIo): Promise<number> {
  if (word !== undefined && isVerb(word)) return verbs[word](['--help'], io)
  io.stdout(usage)
  return exitCodes.ok
}

function unknown(word: string, args: readonly string[], io: VerbIo): number {
  if (word.startsWith('-')) {
    io.stderr(`seawall: a verb comes first, did you mean "seawall run ${args.join(' ')}"?\nSee "seawall --help".\n`)
    return exitCodes.usage
  }
  const near = nearest(word, names)
  const meant = near === null ? `it is one of ${names.join(', ')}` : `did you mean ${near}?`
  io.stderr(`seawall: there is no verb "${word}", ${meant}\nSee "seawall --help".\n`)
  return exitCodes.usage
}
