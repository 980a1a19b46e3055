// A real redis-server of a test's own: on a free port, in a folder that goes with it, with AOF, ended by its process
// id.

import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './free-port.ts'

export interface RedisServer {
  readonly url: string
  readonly port: number
  /** SIGKILL, and waits for its end. */
  kill(): Promise<void>
  /** Again, on the same port and folder. */
  start(): Promise<void>
  pause(): void
  resume(): void
  /** The end: process and folder. */
  stop(): Promise<void>
}

/** Where there is setpriv, the kernel ends the server with its test, even one that was killed for taking too long. */
const mortal = spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0
  ? ['setpriv', '--pdeathsig', 'KILL', 'redis-server'] : ['redis-server']

export function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  return startServer(({ port, folder }) => [
    '--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes',
    '--appendfsync', 'always', '--maxmemory-policy', 'noeviction', '--loglevel', 'warning', ...args,
  ])
}

/** The same program as a sentinel, with these lines in its file. */
export function startSentinel(lines: readonly string[]): Promise<RedisServer> {
  return startServer(({ port, folder }) => {
    const file = join(folder, 'sentinel.conf')
    const own = [`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, 'logfile /dev/null']
    // It keeps what it learns in its file: one that starts again goes on from there.
    if (!existsSync(file)) writeFileSync(file, `${[...own, ...lines].join('\n')}\n`)
    return [file, '--sentinel']
  })
}

interface Place { readonly port: number; readonly folder: string }

async function startServer(argsAt: (place: Place) => readonly string[]): Promise<RedisServer> {
  const [port] = await freePorts(1) as [number]
  const folder = mkdtempSync(join(tmpdir(), 'seawall-redis-'))
  let child: ChildProcess | null = null
  const kill = async (): Promise<void> => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  const start = async (): Promise<void> => {
    const [command, ...before] = mortal as [string, ...string[]]
    child = spawn(command, [...before, ...argsAt({ port, folder })], { stdio: ['ignore', 'ignore', 'inherit'] })
    await answering(port, child)
  }
  // A test that dies leaves nothing behind.
  process.once('exit', () => {
    child?.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  await start()
  return {
    url: `redis://127.0.0.1:${port}`, port, kill, start,
    pause: () => { child?.kill('SIGSTOP') },
    resume: () => { child?.kill('SIGCONT') },
    stop: async () => {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Resolves when the server says PONG; it may still be loading its file before. */
async function answering(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => { socket.write('PING\r\n') })
      socket.once('data', (data) => { socket.destroy(); resolve(String(data)) })
      socket.once('error', () => { resolve('') })
    })
    if (answer.startsWith('+PONG')) return
    await new Promise((resolve) => { setTimeout(resolve, 10) })
  }
  throw new Error(`redis-server ended with ${child.exitCode}`)
}
