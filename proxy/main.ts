// Wiring only: the verbs and what they are done by. The entry (seawall.mjs) has looked at the runtime before this is
// loaded.

import { readFileSync } from 'node:fs'
import { explainCommand, schemaCommand, validateCommand } from './config/commands.ts'
import type { CommandIo } from './config/commands.ts'
import { run } from './run.ts'

const { version } = JSON.parse(readFileSync(manifest(), 'utf8')) as { version: string }

/** Beside the sources, or two folders above the built ones. */
function manifest(): URL {
  const isBuilt = import.meta.url.endsWith('.js')
  return new URL(isBuilt ? '../../package.json' : '../package.json', import.meta.url)
}

/** Resolves to the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const io: CommandIo = {
    stdout: (text) => { process.stdout.write(text) },
    stderr: (text) => { process.stderr.write(text) },
    readFile: (path) => readFileSync(path, 'utf8'),
    env: process.env,
    isTTY: process.stdout.isTTY,
  }
  const [verb, ...rest] = args
  switch (verb) {
    case 'run': return run(rest, io, version)
    case 'validate': return validateCommand(rest, io)
    case 'schema': return schemaCommand(io, rest)
    case 'explain': return explainCommand(rest, io)
    default: return 2
  }
}
