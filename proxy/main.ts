// Wiring only: the verbs and what they are done by. The entry (seawall.mjs) has looked at the runtime before this is
// loaded.

import { readFileSync } from 'node:fs'
import { dispatch } from './command/dispatch.ts'
import { drain } from './command/drain.ts'
import { allowClosedPipes, processIo } from './command/environment.ts'
import { reload } from './command/reload.ts'
import { status } from './command/status.ts'
import { explainCommand, schemaCommand, validateCommand } from './config/commands.ts'
import { run } from './run.ts'

/** Resolves to the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  allowClosedPipes()
  const { version } = JSON.parse(readFileSync(manifest(), 'utf8')) as { version: string }
  return dispatch(args, {
    run: (rest, io) => run(rest, io, version),
    validate: validateCommand,
    schema: (rest, io) => schemaCommand(io, rest),
    explain: explainCommand,
    drain, reload, status,
  }, processIo(), version)
}

/** Beside the sources, or two folders above the built ones. */
function manifest(): URL {
  const isBuilt = import.meta.url.endsWith('.js')
  return new URL(isBuilt ? '../../package.json' : '../package.json', import.meta.url)
}
