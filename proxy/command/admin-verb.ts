// What drain, reload and status share: their options, the client made from them, and what to say of an answer that is
// not the one they wanted.

import { readArguments, usageFault } from '../config/arguments.ts'
import type { Values, VerbOptions } from '../config/arguments.ts'
import { AdminUnreachable, createClient } from './client.ts'
import type { AdminAnswer, AdminClient } from './client.ts'
import { exitCodes } from './verb.ts'
import type { Verb, VerbIo } from './verb.ts'

export interface AdminVerb {
  readonly name: string
  readonly help: string
  /** Beside --admin, --token-file and --json. */
  readonly options?: VerbOptions
  run(client: AdminClient, values: Values, io: VerbIo): Promise<number>
}

const sharedOptions = {
  'admin': { type: 'string' }, 'token-file': { type: 'string' }, 'json': { type: 'boolean' },
} as const

const defaultAdmin = '127.0.0.1:9900'

/** The words of the listener are for those who send HTTP. */
const tokenHint = 'none was given here, or the token that was sent is another: '
  + 'name the file that holds it with --token-file, or set SEAWALL_ADMIN_TOKEN'

export function createAdminVerb({ name, help, options = {}, run }: AdminVerb): Verb {
  return async (args, io) => {
    const read = readArguments(args, { ...sharedOptions, ...options })
    if (read.kind === 'help') {
      io.stdout(help)
      return exitCodes.ok
    }
    if (read.kind === 'fault') return usageFault(io, name, read.message)
    if (read.positionals.length > 0) return usageFault(io, name, `takes no arguments, got "${read.positionals[0]}"`)
    const token = readToken(read.values['token-file'], io)
    if (token instanceof Error) return usageFault(io, name, token.message)
    const where = String(read.values['admin'] ?? defaultAdmin)
    const client = createClient(where, token)
    if (client === null) {
      return usageFault(io, name, `--admin must be HOST:PORT, http://HOST:PORT or unix:PATH, got "${where}"`)
    }
    return runOrSay(name, io, () => run(client, read.values, io))
  }
}

/** The instance said no: its own words, and 1. */
export function refused(io: VerbIo, name: string, { status, body }: AdminAnswer): number {
  const problem = body as { readonly title?: unknown; readonly detail?: unknown; readonly faults?: unknown } | undefined
  const words = [problem?.title, problem?.detail].filter((word) => typeof word === 'string').join(': ')
  io.stderr(`seawall ${name}: ${words === '' ? `the answer was ${status}, which is no admin listener's` : words}\n`)
  if (status === 401) io.stderr(`  ${tokenHint}\n`)
  if (Array.isArray(problem?.faults)) for (const fault of problem.faults) io.stderr(`  ${String(fault)}\n`)
  return exitCodes.failed
}

async function runOrSay(name: string, io: VerbIo, run: () => Promise<number>): Promise<number> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof AdminUnreachable)) throw error
    io.stderr(`seawall ${name}: ${error.message}\n`)
    return exitCodes.unreachable
  }
}

function readToken(file: string | boolean | undefined, io: VerbIo): string | null | Error {
  if (typeof file !== 'string') return io.env['SEAWALL_ADMIN_TOKEN'] || null
  try {
    return io.readFile(file).trim()
  } catch (error) {
    return new Error(`cannot read --token-file ${file}: ${(error as Error).message}`)
  }
}
