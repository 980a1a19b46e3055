// The verbs that only read: validate, schema, explain. Data goes to stdout, notices to stderr; they return exit codes
// and touch no process.

import { parseArgs } from 'node:util'
import type { Configuration } from '../core/configuration.ts'
import { explain, findIn, onlyListener } from './explain.ts'
import { explanationText, timeoutsText } from './explain-text.ts'
import { schemaText } from './export-schema.ts'
import { faultWithoutPlace } from './fault.ts'
import type { Fault } from './fault.ts'
import { explainHelp, schemaHelp, validateHelp } from './help.ts'
import { loadConfiguration } from './load.ts'
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
const exit = { ok: 0, failed: 1, usage: 2, invalid: 3 } as const

/** `validate FILE`: 0 (warnings or not), 2, or 3 when there is an error. */
export function validateCommand(args: readonly string[], io: CommandIo): ExitCode {
  const parsed = parse(args, { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } })
  if (parsed === null) return usage(io, validateHelp, 'this option does not exist')
  if (parsed.values['help'] === true) return help(io, validateHelp)
  const [file, ...more] = parsed.positionals
  if (file === undefined || more.length > 0) return usage(io, validateHelp, 'name one FILE')
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
  const parsed = parse(args, { help: { type: 'boolean', short: 'h' }, json: { type: 'boolean' } })
  if (parsed === null || parsed.positionals.length > 0) return usage(io, schemaHelp, 'schema takes no arguments')
  if (parsed.values['help'] === true) return help(io, schemaHelp)
  io.stdout(schemaText())
  return exit.ok
}

/** `explain --config FILE METHOD PATH`: 0, 1 when no route matches, 2, or 3 for an invalid file. */
export function explainCommand(args: readonly string[], io: CommandIo): ExitCode {
  const parsed = parse(args, {
    config: { type: 'string' }, host: { type: 'string' }, listener: { type: 'string' },
    timeouts: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' },
  })
  if (parsed === null) return usage(io, explainHelp, 'this option does not exist, or has no value')
  const { values, positionals: [method, path, ...more] } = parsed
  if (values['help'] === true) return help(io, explainHelp)
  const file = values['config']
  if (typeof file !== 'string') return usage(io, explainHelp, 'name the file with --config FILE')
  const wantsTimeouts = values['timeouts'] === true
  if (more.length > 0 || (path === undefined && !(wantsTimeouts && method === undefined))) {
    return usage(io, explainHelp, 'name one METHOD and one PATH')
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
    return usage(io, explainHelp, `choose a listener with --listener: ${known.join(', ')}`)
  }
  const host = typeof values['host'] === 'string' ? values['host'] : ''
  // The query is no part of what routes match.
  const request = { listener, method: method.toUpperCase(), host, path: path.replace(/[?#].*$/s, '') }
  if (!request.path.startsWith('/')) return usage(io, explainHelp, 'a PATH begins with /')
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

/** Reads and loads; a file that cannot be read is a fault like any other. */
export function loadFile(
  file: string, io: CommandIo, overrides: Overrides = {},
): { readonly loaded: Loaded; readonly source: Source | null } {
  let text: string
  try {
    text = io.readFile(file)
  } catch (error) {
    return { loaded: { ok: false, faults: [unreadable(file, error)] }, source: null }
  }
  const loaded = loadConfiguration(text, { file, env: io.env, readFile: io.readFile, rules: currentRules(), overrides })
  return { loaded, source: new Source(file, text) }
}

function unreadable(file: string, error: unknown): Fault {
  return faultWithoutPlace(file, {
    code: 'config.unreadable',
    message: `cannot read the file: ${error instanceof Error ? error.message : String(error)}`,
    fix: 'check the path, and who may read it',
  })
}

type Options = Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly short?: string }>>
interface Parsed {
  readonly values: Readonly<Record<string, string | boolean | undefined>>
  readonly positionals: readonly string[]
}

/** Null for anything that is not in `options`. */
function parse(args: readonly string[], options: Options): Parsed | null {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch {
    // Node's own message speaks of its parser; the help that follows says more.
    return null
  }
}

function usage(io: CommandIo, helpText: string, what: string): ExitCode {
  io.stderr(`${what}\n\n${helpText}`)
  return exit.usage
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
