// The processes of an experiment: each pinned to one core, awaited until its port answers, and stopped by its own id.
// One `Processes` owns all that a run started, so that an error or Ctrl-C leaves nothing behind. Linux only (taskset,
// /proc).
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { processTree } from './procfs.ts'

const readyWithinMs = 15_000
const pollEveryMs = 20
/** Of what a process printed; enough to say why it failed. */
const keptOutputBytes = 8 * 1024

export interface ProcessOptions {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly cpu: number
  /** Runs only when nobody else on its core has anything to do: for who, in the world, has a machine of its own. */
  readonly yields?: boolean
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

export interface RunningProcess {
  readonly name: string
  readonly pid: number
  stop(): Promise<void>
}

export class Processes {
  readonly #running = new Set<Started>()
  readonly #stopWithinMs: number

  /** What has not ended `stopWithinMs` milliseconds after SIGTERM gets SIGKILL, with its children. */
  constructor(stopWithinMs = 3_000) {
    this.#stopWithinMs = stopWithinMs
  }

  /**
   * Starts a server and resolves when `port` on 127.0.0.1 accepts a connection. Throws with its output when it does
   * not.
   */
  async serve(options: ProcessOptions & { readonly port: number }): Promise<RunningProcess> {
    const started = this.#start(options, '')
    const giveUpAtMs = performance.now() + readyWithinMs
    while (!await accepts(options.port)) {
      if (started.hasExited || performance.now() > giveUpAtMs) {
        await started.stop()
        throw new Error(`Cannot start ${options.name}: expected an answer on port ${options.port}, ` +
          `got ${started.ending}\n${started.output}`)
      }
      await pause(pollEveryMs)
    }
    return started
  }

  /**
   * Runs a program to its end, with `input` on stdin; resolves to its stdout. Throws when it fails or exceeds
   * `boundMs`.
   */
  async run(options: ProcessOptions & { readonly input?: string, readonly boundMs: number }): Promise<string> {
    const started = this.#start(options, options.input ?? '')
    const bound = setTimeout(() => void started.stop(), options.boundMs)
    await started.exited
    clearTimeout(bound)
    if (started.exitCode !== 0) {
      throw new Error(`Cannot run ${options.name}: expected exit code 0, got ${started.ending}\n${started.output}`)
    }
    return started.stdout
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map((started) => started.stop()))
  }

  /** For the last moment of this process, when nothing can be awaited any more. */
  killAll(): void {
    for (const started of this.#running) started.kill()
  }

  #start(options: ProcessOptions, input: string): Started {
    const started = new Started(options, input, this.#stopWithinMs)
    this.#running.add(started)
    void started.exited.then(() => this.#running.delete(started))
    return started
  }
}

class Started implements RunningProcess {
  readonly name: string
  readonly pid: number
  readonly exited: Promise<void>
  stdout = ''
  hasExited = false
  exitCode: number | null = null
  #errors = ''
  #ending = 'none'
  readonly #child: ChildProcess
  readonly #stopWithinMs: number

  constructor(options: ProcessOptions, input: string, stopWithinMs: number) {
    this.#stopWithinMs = stopWithinMs
    const { name, command, args, cpu, yields, env, cwd } = options
    // taskset and chrt replace themselves by the command: the process id stays the one we know.
    const words = ['--cpu-list', String(cpu), ...yields === true ? ['chrt', '--idle', '0'] : [], command, ...args]
    this.#child = spawn('taskset', words, { ...cwd === undefined ? {} : { cwd }, env: { ...process.env, ...env } })
    this.name = name
    this.pid = this.#child.pid ?? -1
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => { this.stdout += text })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-keptOutputBytes)
    })
    // It ended without reading its input: its exit code says more than our write error.
    this.#child.stdin?.on('error', () => {}).end(input)
    this.exited = new Promise((resolve) => {
      this.#child.on('error', (error) => this.#end(null, error.message, resolve))
      this.#child.on('close', (code, signal) => this.#end(code, signal ?? `exit code ${code}`, resolve))
    })
  }

  get ending(): string {
    return this.hasExited ? this.#ending : 'none in time'
  }

  get output(): string {
    return `${this.stdout.slice(-keptOutputBytes)}${this.#errors}`
  }

  async stop(): Promise<void> {
    if (this.hasExited) return
    // The workers of a killed master would live on: noted while the tree still stands.
    const tree = processTree(this.pid)
    this.#child.kill('SIGTERM')
    await Promise.race([this.exited, pause(this.#stopWithinMs, undefined, { ref: false })])
    if (!this.hasExited) killEach(tree)
    await this.exited
  }

  kill(): void {
    if (!this.hasExited) killEach(processTree(this.pid))
  }

  #end(code: number | null, ending: string, resolve: () => void): void {
    this.hasExited = true
    this.exitCode = code
    this.#ending = ending
    resolve()
  }
}

/** Resolves when somebody listens there: for the second port of a process. Throws when nobody does in time. */
export async function untilAccepted(port: number): Promise<void> {
  const giveUpAtMs = performance.now() + readyWithinMs
  while (!await accepts(port)) {
    if (performance.now() > giveUpAtMs) throw new Error(`Nobody listens on port ${port}`)
    await pause(pollEveryMs)
  }
}

/** A port nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

function killEach(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended by itself in between, which is what we wanted.
    }
  }
}
