// The verbs that only read: validate, schema, explain. Data goes to stdout, notices to stderr; they return exit codes
// and touch no process.

import type { Configuration } from '../core/configuration.ts'
import { allAtOnce } from '../core/steps.ts'
import type { Steps } from '../core/steps.ts'
import { readArguments, usageFault } from './arguments.ts'
import { explain, findIn, onlyListener } from './explain.ts'
import { explanationText, timeoutsText } from './explain-text.ts'
import { schemaText } from './export-schema.ts'
import { faultWithoutPlace } from './fault.ts'
import type { Fault } from './fault.ts'
import { explainHelp, schemaHelp, validateHelp } from './help.ts'
import { loading } from './load.ts'
import type { Loaded, Overrides, Valid } from './load.ts'
import { renderFaults } from './render.ts'
import { currentRules } from './rules.ts'
import { Source } from './source.ts'
import { timeoutsMap } from './timeouts-map.ts'

/** Everything a command may reach. */
export interface CommandIo {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  /** Text of a file; throws when it cannot be read. */
  readonly readFile: (path: string) => string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether a person reads: colours, unless NO_COLOR is set. */
  readonly isTTY: boolean
}

export type ExitCode = 0 | 1 | 2 | 3
const exit = { ok: 0, failed: 1, invalid: 3 } as const

/** `validate FILE`: 0 (warnings or not), 2, or 3 when there is an error. */
export function validateCommand(args: readonly string[], io: CommandIo): ExitCode {
  const parsed = readArguments(args, { json: { type: 'boolean' } })
  if (parsed.kind === 'help') return help(io, validateHelp)
  if (parsed.kind === 'fault') return usageFault(io, 'validate', parsed.message)
  const [file, ...more] = parsed.positionals
  if (file === undefined || more.length > 0) return usageFault(io, 'validate', 'name one FILE')
  const { loaded, source } = loadFile(file, io)
  const faults = loaded.ok ? loaded.warnings : loaded.faults
  if (parsed.values['json'] === true) {
    const summary = loaded.ok ? { hash: loaded.configuration.hash } : {}
    io.stdout(`${JSON.stringify({ ok: loaded.ok, file, ...summary, faults }, null, 2)}\n`)
  } else {
    if (faults.length > 0) io.stdout(renderFaults(faults, source, { colours: hasColours(io) }))
    if (loaded.ok) io.stdout(`${file} is valid: ${counts(loaded.configuration)}, hash ${loaded.configuration.hash}\n`)
  }
  return loaded.ok ? exit.ok : exit.invalid
}

/** `schema`: the JSON Schema on stdout. */
export function schemaCommand(io: CommandIo, args: readonly string[] = []): ExitCode {
  const parsed = readArguments(args, { json: { type: 'boolean' } })
  if (parsed.kind === 'help') return help(io, schemaHelp)
  if (parsed.kind === 'fault') return usageFault(io, 'schema', parsed.message)
  if (parsed.positionals.length > 0) return usageFault(io, 'schema', 'takes no arguments')
  io.stdout(schemaText())
  return exit.ok
}

/** `explain --config FILE METHOD PATH`: 0, 1 when no route matches, 2, or 3 for an invalid file. */
export function explainCommand(args: readonly string[], io: CommandIo): ExitCode {
  const parsed = readArguments(args, {
    config: { type: 'string' }, host: { type: 'string' }, listener: { type: 'string' },
    timeouts: { type: 'boolean' }, json: { type: 'boolean' },
  })
  if (parsed.kind === 'help') return help(io, explainHelp)
  if (parsed.kind === 'fault') return usageFault(io, 'explain', parsed.message)
  const { values, positionals: [method, path, ...more] } = parsed
  const file = values['config']
  if (typeof file !== 'string') return usageFault(io, 'explain', 'name the file with --config FILE')
  const wantsTimeouts = values['timeouts'] === true
  if (more.length > 0 || (path === undefined && !(wantsTimeouts && method === undefined))) {
    return usageFault(io, 'explain', 'name one METHOD and one PATH')
  }
  const { loaded, source } = loadFile(file, io)
  if (!loaded.ok) {
    io.stderr(renderFaults(loaded.faults, source, { colours: hasColours(io) }))
    return exit.invalid
  }
  const asked = { file, wantsTimeouts, isJson: values['json'] === true }
  if (method === undefined || path === undefined) return printTimeouts(loaded, null, asked, io)
  const listener = typeof values['listener'] === 'string' ? values['listener'] : onlyListener(loaded.configuration)
  const known = loaded.configuration.listeners.map(({ name }) => name)
  if (listener === null || !known.includes(listener)) {
    return usageFault(io, 'explain', `choose a listener with --listener: ${known.join(', ')}`)
  }
  const host = typeof values['host'] === 'string' ? values['host'] : ''
  // The query is no part of what routes match.
  const request = { listener, method: method.toUpperCase(), host, path: path.replace(/[?#].*$/s, '') }
  if (!request.path.startsWith('/')) return usageFault(io, 'explain', 'a PATH begins with /')
  return printExplanation(loaded, request, asked, io)
}

interface Asked { readonly file: string; readonly wantsTimeouts: boolean; readonly isJson: boolean }

function printExplanation(
  loaded: Valid, request: Parameters<typeof explain>[2], asked: Asked, io: CommandIo,
): ExitCode {
  const { configuration, origins } = loaded
  const explanation = explain(configuration, origins, request, findIn(configuration))
  if (asked.wantsTimeouts && explanation.route !== null) return printTimeouts(loaded, explanation.route, asked, io)
  io.stdout(asked.isJson ? `${JSON.stringify(explanation, null, 2)}\n` : explanationText(explanation, asked.file))
  return explanation.route === null ? exit.failed : exit.ok
}

function printTimeouts(loaded: Valid, route: string | null, asked: Asked, io: CommandIo): ExitCode {
  const rows = timeoutsMap(loaded.configuration, loaded.origins, route)
  io.stdout(asked.isJson ? `${JSON.stringify(rows, null, 2)}\n` : timeoutsText(rows))
  return exit.ok
}

export interface LoadedFile { readonly loaded: Loaded; readonly source: Source | null }

/** Reads and loads; a file that cannot be read is a fault like any other. */
export function loadFile(file: string, io: CommandIo, overrides: Overrides = {}): LoadedFile {
  return allAtOnce(loadingFile(file, io, overrides))
}

/** The same in steps, for a process that serves meanwhile. */
export function* loadingFile(file: string, io: CommandIo, overrides: Overrides = {}): Steps<LoadedFile> {
  let text: string
  try {
    text = io.readFile(file)
  } catch (error) {
    return { loaded: { ok: false, faults: [unreadable(file, error)] }, source: null }
  }
  const options = { file, env: io.env, readFile: io.readFile, rules: currentRules(), overrides }
  const loaded = yield* loading(text, options)
  return { loaded, source: new Source(file, text) }
}

function unreadable(file: string, error: unknown): Fault {
  return faultWithoutPlace(file, {
    code: 'config.unreadable',
    message: `cannot read the file: ${reasonFor(error)}`,
    fix: 'check the path, and who may read it',
  })
}

/** The system's own words name a call that nobody asked for. */
function reasonFor(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'there is none of this name'
  if (code === 'EISDIR') return 'it is a folder'
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read it'
  return message
}

function help(io: CommandIo, helpText: string): ExitCode {
  io.stdout(helpText)
  return exit.ok
}

function hasColours(io: CommandIo): boolean {
  return io.isTTY && (io.env['NO_COLOR'] ?? '') === ''
}

function counts({ listeners, upstreams, routes }: Configuration): string {
  return `${count(listeners, 'listener')}, ${count(upstreams, 'upstream')}, ${count(routes, 'route')}`
}

function count(list: readonly unknown[], word: string): string {
  return `${list.length} ${word}${list.length === 1 ? '' : 's'}`
}
