// The command as a process: its lines, its exits, and a ledger that survives kill -9.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { test } from 'tap'
import type { Test } from 'tap'
import { call, charge, sendRaw, until } from './test-bench.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))

interface Command {
  readonly output: () => string
  readonly errors: () => string
  /** The exit code or the signal's name, once it has ended. */
  readonly ended: () => number | string | null
  readonly kill: (signal: NodeJS.Signals) => void
}

function run(t: Test, args: readonly string[]): Command {
  // Without the test runner's own hooks: what starts here is the plain command.
  const { NODE_OPTIONS: _, ...environment } = process.env
  const child = spawn(process.execPath, [MAIN, ...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  let end: number | string | null = null
  child.stdout.on('data', (piece: Buffer) => void (output += piece.toString()))
  child.stderr.on('data', (piece: Buffer) => void (errors += piece.toString()))
  child.on('close', (code, signal) => void (end = code ?? signal))
  t.teardown(() => child.kill('SIGKILL'))
  return { output: () => output, errors: () => errors, ended: () => end, kill: (signal) => void child.kill(signal) }
}

const FREE_PORTS = ['--provider-ports', '0,0,0', '--fraud-port', '0', '--webhook-port', '0']

async function ready(command: Command): Promise<string[]> {
  await until(() => command.output().includes('webhook listening') || command.ended() !== null, 10_000)
  return [...command.output().matchAll(/listening on (\S+)/g)].map((match) => match[1] ?? '')
}

test('an acknowledged charge survives kill -9, and its key is still known', async (t) => {
  const ledger = join(t.testdir(), 'data', 'ledger.ndjson')
  const first = run(t, [...FREE_PORTS, '--ledger', ledger])
  const [url = ''] = await ready(first)
  const acknowledged: string[] = []
  const load = Array.from({ length: 300 }, async (_, i) => {
    // Those that the kill cuts are not acknowledged: whether they were executed is nobody's promise.
    const reply = await charge(url, `r${i}`, `k${i}`).catch(() => null)
    if (reply?.status === 201) acknowledged.push(`k${i}`)
  })
  await until(() => acknowledged.length >= 20)
  first.kill('SIGKILL')
  await Promise.all(load)
  await until(() => first.ended() === 'SIGKILL')

  const second = run(t, [...FREE_PORTS, '--ledger', ledger])
  const [again = ''] = await ready(second)
  const rows = (await call('GET', `${again}/v1/ledger`)).body['data'] as { key: string; reference: string }[]
  const keys = rows.map((row) => row.key)
  t.same(acknowledged.filter((key) => !keys.includes(key)), [], `${acknowledged.length} acknowledged`)
  t.equal(new Set(keys).size, keys.length)
  const key = acknowledged[0] ?? ''
  const replayed = await charge(again, `r${key.slice(1)}`, key)
  t.equal(replayed.headers.get('idempotent-replayed'), 'true')
})

test('it prints a line for each port, and SIGTERM ends it cleanly and soon, whatever hangs', async (t) => {
  const command = run(t, [...FREE_PORTS, '--ledger', join(t.testdir(), 'ledger.ndjson')])
  const urls = await ready(command)
  const lines = command.output().replaceAll(/:\d+$/gm, ':N').split('\n')
  const names = ['provider', 'provider', 'provider', 'fraud', 'webhook']
  t.same(lines, [...names.map((name) => `${name} listening on http://127.0.0.1:N`), ''])
  const url = urls[1] ?? ''
  await call('POST', `${url}/_control`, { stall: true })
  const raw = sendRaw(t, Number(new URL(url).port), '/health')
  await until(async () => (await call('GET', `${url}/_control`)).body['stalled'] === 1)
  const startedAt = performance.now()
  command.kill('SIGTERM')
  await until(() => command.ended() !== null)
  t.equal(command.ended(), 0)
  t.ok(performance.now() - startedAt < 3_000)
  await until(() => raw.ended() !== 'open')
  t.equal(command.errors(), '')
})

test('a port in use is one clear line and exit 1', async (t) => {
  const first = run(t, [...FREE_PORTS, '--ledger', join(t.testdir(), 'ledger.ndjson')])
  const [url = ''] = await ready(first)
  const { port } = new URL(url)
  const second = run(t, ['--provider-ports', port, '--fraud-port', '0', '--webhook-port', '0'])
  await until(() => second.ended() !== null, 10_000)
  t.equal(second.ended(), 1)
  t.equal(second.errors(), `Cannot listen on 127.0.0.1:${port} for provider-1: the port is in use\n`)
  t.equal(second.output(), '')
})

test('wrong options are a line and exit 2, help is exit 0', async (t) => {
  const wrong = run(t, ['--seed', 'lucky'])
  const help = run(t, ['--help'])
  await until(() => wrong.ended() !== null && help.ended() !== null, 10_000)
  t.equal(wrong.ended(), 2)
  t.match(wrong.errors(), /seed must be an integer from 0 to 4294967295, got "lucky"\n$/)
  t.equal(help.ended(), 0)
  t.match(help.output(), /--provider-ports/)
})
