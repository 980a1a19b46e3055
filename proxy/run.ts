// The verb `run`: a configuration from a file or from the command line, a process that serves it, and an exit code.

import { parseArgs } from 'node:util'
import { banner } from './banner.ts'
import { loadFile } from './config/commands.ts'
import type { CommandIo } from './config/commands.ts'
import { describeOrigin } from './config/effective.ts'
import type { Origins } from './config/effective.ts'
import { configurationFromUpstream } from './config/from-upstream.ts'
import type { Loaded } from './config/load.ts'
import { renderFaults } from './config/render.ts'
import type { Source } from './config/source.ts'
import { systemClock } from './core/clock.ts'
import { systemRandom } from './core/random.ts'
import { Serving } from './lifecycle/serve.ts'
import { isFromTerminal, onSignals } from './lifecycle/signals.ts'

export const runHelp = `usage: seawall run --config FILE [--admin HOST:PORT] [--observe]
       seawall run --upstream URL [--listen HOST:PORT] [--admin HOST:PORT] [--observe]

Serves until it is told to stop. With a file, everything is as the file says;
without one, all requests go to one upstream, with the defaults.

  --config FILE       the configuration
  --upstream URL      scheme, host and port of the service in front of which to stand
  --listen HOST:PORT  where to accept requests (127.0.0.1:8080); only with --upstream
  --admin HOST:PORT   where to look after it (127.0.0.1:9900)
  --observe           see and count, refuse nothing
  --help              print this text

SIGTERM and Ctrl-C drain it; a second one ends it at once.

example: seawall run --upstream http://127.0.0.1:3000
`

interface RunArguments {
  readonly config?: string
  readonly upstream?: string
  readonly listen?: string
  readonly admin?: string
  readonly observe?: boolean
  readonly help?: boolean
}

/** 0: stopped well; 1: could not start, or cut something; 2: usage; 3: invalid configuration. */
export async function run(args: readonly string[], io: CommandIo, version: string): Promise<number> {
  const parsed = parse(args)
  if (parsed === null || faultOf(parsed) !== null) {
    io.stderr(`${parsed === null ? 'this option does not exist, or lacks its value' : faultOf(parsed)}\n\n${runHelp}`)
    return 2
  }
  if (parsed.help === true) {
    io.stdout(runHelp)
    return 0
  }
  const { loaded, source } = load(parsed, io)
  const faults = loaded.ok ? loaded.warnings : loaded.faults
  const hasColours = io.isTTY && (io.env['NO_COLOR'] ?? '') === ''
  if (faults.length > 0) io.stderr(renderFaults(faults, source, { colours: hasColours }))
  if (!loaded.ok) return 3
  const { configuration, origins } = loaded
  const serving = new Serving({
    configuration, version, effective: () => effectiveBody(origins), clock: systemClock, random: systemRandom,
  })
  try {
    await serving.start()
  } catch (error) {
    io.stderr(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
  io.stdout(banner(serving.urls, configuration, version))
  return await untilEnded(serving) ? 0 : 1
}

async function untilEnded(serving: Serving): Promise<boolean> {
  const stopListening = onSignals(process, {
    stop: (signal) => { serving.drain(signal) },
    stopNow: (signal) => { serving.endNow(signal) },
    reload: () => { serving.notice('SIGHUP: this version reads its configuration only at the start') },
  })
  const isClean = await serving.ended
  stopListening()
  return isClean
}

function parse(args: readonly string[]): RunArguments | null {
  try {
    return parseArgs({
      args: [...args], strict: true, allowPositionals: false,
      options: {
        config: { type: 'string' }, upstream: { type: 'string' }, listen: { type: 'string' },
        admin: { type: 'string' }, observe: { type: 'boolean' }, help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch {
    // Node's own message speaks of its parser; the help that follows says more.
    return null
  }
}

function faultOf({ config, upstream, listen, help }: RunArguments): string | null {
  if (help === true) return null
  if (config === undefined && upstream === undefined) return 'name a --config FILE, or an --upstream URL'
  if (config !== undefined && upstream !== undefined) return 'either --config or --upstream, not both'
  return config !== undefined && listen !== undefined ? '--listen goes with --upstream; a file has its listeners' : null
}

function load({ config, upstream, listen, admin, observe }: RunArguments, io: CommandIo): {
  readonly loaded: Loaded; readonly source: Source | null
} {
  const isTerminal = isFromTerminal()
  if (config !== undefined) {
    return loadFile(config, io, { observe: observe === true, isTerminal, ...(admin === undefined ? {} : { admin }) })
  }
  const options = { upstream: upstream as string, listen, admin, observe, isTerminal }
  return { loaded: configurationFromUpstream(options), source: null }
}

/** The body of GET /admin/config: every value by its path, secrets masked, and where it came from. */
function effectiveBody(origins: Origins): unknown {
  return Object.fromEntries([...origins.values()].map((value) =>
    [value.path, { value: value.shown, origin: describeOrigin(value) }]))
}
