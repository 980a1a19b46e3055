// The verb `run`: a configuration from a file or from the command line, a process that serves it, and an exit code.

import { bannerLines } from './command/banner.ts'
import { readRunArguments } from './command/run-options.ts'
import type { RunOptions } from './command/run-options.ts'
import { runHelp } from './command/usage.ts'
import { exitCodes } from './command/verb.ts'
import type { VerbIo } from './command/verb.ts'
import { usageFault } from './config/arguments.ts'
import { loadingFile } from './config/commands.ts'
import type { LoadedFile } from './config/commands.ts'
import { describeOrigin } from './config/effective.ts'
import type { Origins } from './config/effective.ts'
import { configurationFromUpstream } from './config/from-upstream.ts'
import { headline, renderFaults } from './config/render.ts'
import { systemClock } from './core/clock.ts'
import type { Configuration } from './core/configuration.ts'
import { systemRandom } from './core/random.ts'
import { allAtOnce } from './core/steps.ts'
import type { Steps } from './core/steps.ts'
import { LastReading } from './lifecycle/last-reading.ts'
import type { Read } from './lifecycle/reload.ts'
import { Serving } from './lifecycle/serve.ts'
import type { Loaded } from './lifecycle/serve.ts'
import { isFromTerminal, onSignals } from './lifecycle/signals.ts'

/** Serves until it is told to stop. */
export async function run(args: readonly string[], io: VerbIo, version: string): Promise<number> {
  const read = readRunArguments(args)
  if (read.kind === 'fault') return usageFault(io, 'run', read.message)
  if (read.kind === 'help') {
    io.stdout(runHelp)
    return exitCodes.ok
  }
  const { loaded, source } = allAtOnce(load(read.options, io))
  const faults = loaded.ok ? loaded.warnings : loaded.faults
  const colours = io.isTTY && (io.env['NO_COLOR'] ?? '') === ''
  if (faults.length > 0) io.stderr(renderFaults(faults, source, { colours }))
  if (!loaded.ok) return exitCodes.invalid
  const { configuration, origins } = loaded
  const serving = new Serving({
    configuration, version, effective: () => effectiveBody(origins), clock: systemClock, random: systemRandom,
    read: read.options.source.kind === 'file' ? readingAgain(read.options, io) : null,
  })
  // From here on, for a start may take its time: a store that is far away, a name to resolve.
  const stopListening = onSignals(process, {
    stop: (signal) => { serving.drain(signal) },
    stopNow: (signal) => { serving.endNow(signal) },
    reload: () => { void serving.reload('SIGHUP') },
  })
  const isClean = await serve(serving, io, () => bannerOf(serving, configuration, version))
  stopListening()
  return isClean ? exitCodes.ok : exitCodes.failed
}

/** Resolves when everything is over: whether it went well. */
async function serve(serving: Serving, io: VerbIo, banner: () => string): Promise<boolean> {
  try {
    if (await serving.start()) io.stderr(banner())
  } catch (error) {
    io.stderr(`${error instanceof Error ? error.message : String(error)}\n`)
    return false
  }
  return serving.ended
}

function* load(options: RunOptions, io: VerbIo): Steps<LoadedFile> {
  const { source, listen, admin, isObserving: observe } = options
  const isTerminal = isFromTerminal()
  if (source.kind === 'file') {
    return yield* loadingFile(source.path, io, { observe, isTerminal, ...(admin === undefined ? {} : { admin }) })
  }
  const loaded = configurationFromUpstream({ upstream: source.url, listen, admin, observe, isTerminal })
  return { loaded, source: null }
}

/** For a reload: the same as at the start, with the faults in a line each. Free while nothing it reads has changed. */
function readingAgain(options: RunOptions, io: VerbIo): () => Steps<Read<Loaded>> {
  const last = new LastReading(io.readFile, (readFile) => readAgain(options, { ...io, readFile }))
  return () => last.read()
}

function* readAgain(options: RunOptions, io: VerbIo): Steps<Read<Loaded>> {
  const { loaded } = yield* load(options, io)
  if (!loaded.ok) return { isValid: false, faults: loaded.faults.map(headline) }
  const { configuration, origins } = loaded
  return { isValid: true, loaded: { configuration, effective: () => effectiveBody(origins) } }
}

function bannerOf(serving: Serving, { mode, upstreams, file, hash }: Configuration, version: string): string {
  const { listeners, admin, probe } = serving.urls
  const facts = { version, mode, listeners, upstreams, adminUrl: admin, probeUrl: probe, file, hash }
  return `${bannerLines(facts).join('\n')}\n`
}

/** The body of GET /admin/config: every value by its path, secrets masked, and where it came from. */
function effectiveBody(origins: Origins): unknown {
  return Object.fromEntries([...origins.values()].map((value) =>
    [value.path, { value: value.shown, origin: describeOrigin(value) }]))
}
