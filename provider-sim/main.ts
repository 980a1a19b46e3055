// The command: options in, one line per listening port out, a clean end on SIGTERM or SIGINT. Everything else is in
// simulator.ts, which tests start without a process.

import { readFileSync } from 'node:fs'
import { readOptions, USAGE } from './options.ts'
import type { Simulator, SimulatorOptions } from './simulator.ts'
import { startSimulator } from './simulator.ts'

/** Longer than the grace for requests in flight and a slow disk's last flush; then the process ends anyway. */
const CLOSE_WITHIN_MS = 5_000

const options = parseCommand()
if (options === 'help') process.stdout.write(USAGE)
else if (options !== null) await run(options)

function parseCommand(): SimulatorOptions | 'help' | null {
  try {
    return readOptions(process.argv.slice(2), process.env, (path) => readFileSync(path, 'utf8'))
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error))
    process.exitCode = 2
    return null
  }
}

async function run(given: SimulatorOptions): Promise<void> {
  let simulator: Simulator
  try {
    simulator = await startSimulator({ ...given, notice: tell })
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
    return
  }
  for (const { kind, url } of [...simulator.providers, simulator.fraud, simulator.webhook]) {
    process.stdout.write(`${kind} listening on ${url}\n`)
  }
  const stop = (): void => {
    setTimeout(() => process.exit(1), CLOSE_WITHIN_MS).unref()
    void simulator.close().then(
      () => process.exit(0),
      (error: unknown) => {
        tell(`Cannot close cleanly: ${String(error)}`)
        process.exit(1)
      },
    )
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`)
}
