// Seawall as a user runs it: a process of its own with a configuration file of its own. Everything it is started with
// is taken away again.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
export const entry = join(root, 'proxy/seawall.mjs')

export interface Finished { readonly code: number | null; readonly signal: NodeJS.Signals | null }

/**
 * The runner puts its own loaders into NODE_OPTIONS of whatever Node its tests start. A user's processes have none, and
 * start in half the time. `exec` keeps the process's id, so that signals go where they should.
 */
export const asUsersDo = ['/bin/sh', '-c', 'unset NODE_OPTIONS; exec "$@"', 'sh'] as const

/** A process whose output is kept, and that never outlives its test. */
export class Running {
  readonly child: ChildProcess
  stdout = ''
  stderr = ''
  readonly finished: Promise<Finished>

  constructor(
    command: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } & Owner = {},
  ) {
    const [shell, ...before] = asUsersDo
    // Types are stripped and modules compiled once for all of them: half of the time that a start takes.
    const env = { NODE_COMPILE_CACHE: join(root, '.tap/compile-cache'), ...options.env ?? process.env }
    this.child = spawn(shell, [...before, command, ...args], { stdio: ['ignore', 'pipe', 'pipe'], ...options, env })
    this.child.stdout?.on('data', (chunk: Buffer) => { this.stdout += chunk.toString() })
    this.child.stderr?.on('data', (chunk: Buffer) => { this.stderr += chunk.toString() })
    this.finished = new Promise((resolve) => {
      this.child.on('exit', (code, signal) => resolve({ code, signal }))
      this.child.on('error', () => resolve({ code: 127, signal: null }))
    })
  }

  /** Waits until what it printed matches; fails when it ends first or 15 s are over. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = performance.now() + 15_000
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr)
      if (match !== null) return match
      if (this.child.exitCode !== null || performance.now() > deadline) {
        const printed = `${this.stdout}\n${this.stderr}`
        throw new Error(`${String(pattern)} was never printed; exit ${this.child.exitCode}\n${printed}`)
      }
      await new Promise((resolve) => { setTimeout(resolve, 10) })
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
    this.child.kill(signal)
    return this.finished
  }
}

/** Whom a process belongs to, whoever starts it unless said; and what is to start it, where that is not enough. */
export interface Owner { readonly uid?: number; readonly gid?: number; readonly by?: readonly string[] }

export interface SeawallProcess extends Running {
  /** The ports of the listeners, by name, and of admin. */
  readonly ports: Readonly<Record<string, number>>
}

/**
 * Starts `run` with this configuration; `PORT:name` in a `listen` stands for any free port, which is in `ports` under
 * the name of the listener. Resolves when it is ready; killed at the end of the test if it still runs.
 */
export async function startSeawall(t: Test, configuration: object, as: Owner = {}): Promise<SeawallProcess> {
  const text = JSON.stringify({ version: 1, admin: { listen: '127.0.0.1:PORT:admin' }, ...configuration })
  const names = [...new Set([...text.matchAll(/PORT:([a-z]+)/g)].map(([, name]) => name as string))]
  const running = await startWithText(t, text.replace(/PORT:[a-z]+/g, '0'), undefined, as)
  const ports = Object.fromEntries(names.map((name) => [name, portOf(running, name)]))
  return Object.assign(running, { ports })
}

/** As its start printed it. */
function portOf(running: Running, name: string): number {
  const match = new RegExp(`\\b${name} +https?://[^ ,]+:(\\d+)`).exec(running.stderr)
  if (match === null) throw new Error(`no port of "${name}" was printed:\n${running.stderr}`)
  return Number(match[1])
}

/** What a start prints last. */
export const isReady = /^ +config .* hash [0-9a-f]+$/m

/** Starts `run` with a file of this text, in a folder of its own; resolves when it is ready. */
export async function startWithText(
  t: Test, text: string, env?: NodeJS.ProcessEnv, as: Owner = {},
): Promise<Running> {
  const folder = temporaryFolder(t)
  const file = join(folder, 'seawall.json')
  writeFileSync(file, text)
  if (as.uid !== undefined && as.gid !== undefined) chownSync(folder, as.uid, as.gid)
  const options = { cwd: folder, ...as, ...(env === undefined ? {} : { env: { ...process.env, ...env } }) }
  const [command, ...args] = [...as.by ?? [], process.execPath, entry, 'run', '--config', file]
  const running = new Running(command, args, options)
  t.teardown(() => running.stop('SIGKILL'))
  await running.until(isReady)
  return running
}

/** A folder that goes with the test. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'seawall-e2e-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}

/** The smallest configuration in front of one service. */
export function inFrontOf(origin: string, rest: { route?: object; upstream?: object; top?: object } = {}): object {
  return {
    listeners: { public: { kind: 'ingress', listen: '127.0.0.1:PORT:public' } },
    upstreams: { service: { endpoints: [origin], ...rest.upstream } },
    routes: [{ name: 'all', listener: 'public', match: { path: '/*' }, upstream: 'service', ...rest.route }],
    ...rest.top,
  }
}
