// What every experiment stands on: the processes it may start, which core is whose, and a directory that goes away with
// it. Also says on what machine the figures were taken, without which they mean nothing. Runs no experiment.
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus as cpuModels, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Processes, freePort } from './processes.ts'
import type { RunningProcess } from './processes.ts'

export interface Ground {
  readonly processes: Processes
  readonly cpus: Cores
  readonly directory: string
  readonly progress: (text: string) => void
}

/** Load and origin share one core, the subject has the other for itself. */
export interface Cores {
  readonly load: number
  readonly subject: number
}

/** Runs `work` and then, however it ends, stops all processes and removes the directory; also on SIGINT and SIGTERM. */
export async function onGround<T>(progress: (text: string) => void, work: (ground: Ground) => Promise<T>): Promise<T> {
  const processes = new Processes()
  const directory = mkdtempSync(join(tmpdir(), 'seawall-bench-'))
  const removeDirectory = (): void => rmSync(directory, { recursive: true, force: true })
  const leave = (): void => {
    processes.killAll()
    removeDirectory()
  }
  process.once('exit', leave).once('SIGINT', interrupted).once('SIGTERM', interrupted)
  try {
    return await work({ processes, directory, progress, cpus: cores() })
  } finally {
    await processes.stopAll()
    removeDirectory()
    process.off('exit', leave).off('SIGINT', interrupted).off('SIGTERM', interrupted)
  }
}

// The exit listener does the leaving; the codes are 128 + signal number, as shells report it.
function interrupted(signal: NodeJS.Signals): void {
  process.exit(signal === 'SIGINT' ? 130 : 143)
}

/** An origin on the load's core, from a file of this folder that takes its port as first argument. */
export async function startOrigin(
  { processes, cpus }: Ground, file: string, args: readonly string[] = [],
): Promise<RunningProcess & { readonly port: number }> {
  const port = await freePort()
  const entry = fileURLToPath(new URL(file, import.meta.url))
  const running = await processes.serve({
    name: file, command: process.execPath, args: [entry, String(port), ...args], cpu: cpus.load, port,
  })
  return { name: running.name, pid: running.pid, port, stop: () => running.stop() }
}

export function machine(): Readonly<Record<string, string | number>> {
  return {
    cpu: cpuModels()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    kernel: release(),
    node: process.version,
  }
}

function cores(): Cores {
  return { load: 0, subject: availableParallelism() > 1 ? 1 : 0 }
}
