// Is anybody charged twice? Twenty duplicates of each of two hundred keys through three processes on one store, and a
// same store under load while processes are killed at random. The ledger of the service and the histories of the
// callers are judged by the laws of a register that is written once.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import { brokenLaws } from '../../test/support/key-history.ts'
import type { Seen } from '../../test/support/key-history.ts'
import { compileOnce } from '../contenders/seawall.ts'
import type { Check, Experiment, Findings } from '../experiment.ts'
import type { Ground } from '../ground.ts'
import { chargeAll, ledgerService } from '../keyed-load.ts'
import type { Scenario } from '../overload/scenario.ts'
import { runScenarios } from '../overload/scenarios.ts'
import { freePort } from '../processes.ts'
import type { RunningProcess } from '../processes.ts'

const entry = fileURLToPath(new URL('../../dist/proxy/seawall.mjs', import.meta.url))
const processesOfOneStore = 3
const keys = 200
const duplicates = 20

const scenarios: readonly Scenario[] = [
  {
    name: 'lmdb',
    summary: `${duplicates} duplicates of ${keys} keys through ${processesOfOneStore} processes on one lmdb store`,
    run: async (ground) => findingsOf(await jitter(ground, 'lmdb', lmdbIn(ground))),
  },
  {
    name: 'redis',
    summary: `${duplicates} duplicates of ${keys} keys through ${processesOfOneStore} processes on Redis`,
    run: (ground) => overRedis(ground, (store) => jitter(ground, 'redis', store)),
  },
  {
    name: 'kill',
    summary: 'two processes on one lmdb store under load, killed with kill -9 at random and started again',
    run: async (ground, { seconds }) => findingsOf(await killing(ground, 'kill', seconds, lmdbIn(ground))),
  },
  {
    name: 'kill-redis',
    summary: 'the same two processes on Redis, whose leases outlive them',
    run: (ground, { seconds }) => overRedis(ground, (store) => killing(ground, 'kill-redis', seconds, store)),
  },
]

async function overRedis(ground: Ground, run: (store: object) => Promise<Result>): Promise<Findings> {
  const url = await startRedis(ground)
  if (url !== null) return findingsOf(await run({ type: 'redis', url }))
  return { tables: [], panels: [], notes: ['redis-server is not on the PATH.'], data: null, checks: [] }
}

export const duplicatesExperiment: Experiment = {
  name: 'duplicates',
  summary: 'duplicates of keys through three processes on one store, and under kill -9: what was executed twice?',
  defaults: { seconds: 60, rounds: 1, rate: 0 },
  short: { seconds: 8, rounds: 1, rate: 0 },
  parts: scenarios.map(({ name }) => name),
  run: (ground, options) => {
    compileOnce()
    return runScenarios('duplicates', scenarios, ground, options)
  },
}

interface Result {
  readonly name: string
  readonly seen: readonly Seen[]
  readonly executed: number
  readonly expected: number | null
  readonly broken: readonly string[]
  readonly kills: number
}

function findingsOf(result: Result): Findings {
  const { seen, executed, expected, kills, broken } = result
  return {
    tables: [{
      title: 'Requests with a key', columns: ['requests', 'successes', 'unknown', 'executed', 'kills', 'laws'],
      rows: [[
        String(seen.length), String(count(seen, ({ status }) => status === 201)),
        String(count(seen, ({ code }) => code === 'idempotency.outcome-unknown')),
        `${executed}${expected === null ? '' : ` of ${expected} keys`}`, String(kills),
        broken.length === 0 ? 'hold' : broken.slice(0, 5).join('; '),
      ]],
    }],
    panels: [],
    notes: ['The service writes its row before it answers, within 60 ms; no kill reaches its ledger.'],
    data: { executed, expected, broken, kills, requests: seen.length, answers: answersOf(seen) },
    checks: checksOf(result),
  }
}

function checksOf({ name, seen, executed, expected, broken }: Result): Check[] {
  const holds = broken.length === 0
  const laws = { claim: `${name}: no key is executed twice, and no law of the history is broken`, holds }
  if (expected === null) return [laws, { claim: `${name}: something was served`, holds: executed > 0 }]
  const good = count(seen, ({ status }) => status === 201)
  return [
    laws,
    { claim: `${name}: the ledger has exactly ${expected} rows`, holds: executed === expected },
    { claim: `${name}: every caller got the answer`, holds: good === keys * duplicates },
  ]
}

async function jitter(ground: Ground, name: string, store: object): Promise<Result> {
  const service = await ledgerService(60)
  const running = await Promise.all(Array.from({ length: processesOfOneStore },
    () => startKeyed(ground, service.port, store)))
  const ports = running.map(({ port }) => port)
  const seen = await chargeAll({ keys, duplicates, spreadMs: 5_000, patienceMs: 20_000, ports: () => ports })
  await Promise.all(running.map((one) => one.stop()))
  service.close()
  const broken = brokenLaws(seen, service.ledger)
  return { name, seen, executed: service.ledger.length, expected: keys, broken, kills: 0 }
}

async function killing(ground: Ground, name: string, seconds: number, store: object): Promise<Result> {
  const service = await ledgerService(60)
  const running = await Promise.all([1, 2].map(() => startKeyed(ground, service.port, store)))
  const ports = (): number[] => running.map(({ port }) => port)
  const load = chargeAll({ keys: seconds * 10, duplicates: 5, spreadMs: seconds * 1000, patienceMs: 20_000, ports })
  const end = performance.now() + seconds * 1000
  let kills = 0
  while (performance.now() < end) {
    await pause(300 + Math.random() * 600)
    const at = kills % running.length
    const victim = running[at] as Keyed
    process.kill(victim.pid, 'SIGKILL')
    kills++
    running[at] = await startKeyed(ground, service.port, store)
  }
  const seen = await load
  await Promise.all(running.map((one) => one.stop()))
  service.close()
  const broken = brokenLaws(seen, service.ledger)
  return { name, seen, executed: service.ledger.length, expected: null, broken, kills }
}

interface Keyed extends RunningProcess { readonly port: number }

async function startKeyed({ processes, cpus, directory }: Ground, origin: number, store: object): Promise<Keyed> {
  const [port, admin] = [await freePort(), await freePort()]
  const own = join(directory, `keyed-${port}`)
  mkdirSync(own)
  const file = join(own, 'seawall.json')
  writeFileSync(file, JSON.stringify({
    version: 1,
    listeners: { public: { kind: 'ingress', listen: `127.0.0.1:${port}` } },
    admin: { listen: `127.0.0.1:${admin}` },
    drain: { delay: 0, timeout: '1s' },
    stores: { idempotency: store },
    upstreams: { origin: { endpoints: [`http://127.0.0.1:${origin}`] } },
    routes: [{
      name: 'charge', listener: 'public', match: { path: '/*' }, upstream: 'origin', idempotency: { scope: 'none' },
    }],
  }))
  const args = [entry, 'run', '--config', file]
  const running = await processes.serve({
    name: 'seawall', command: process.execPath, args, cwd: own, cpu: cpus.subject, port,
  })
  return { name: running.name, pid: running.pid, port, stop: () => running.stop() }
}

function lmdbIn({ directory }: Ground): object {
  return { type: 'lmdb', path: join(directory, `records-${Math.random().toString(36).slice(2)}`) }
}

async function startRedis({ processes, cpus, directory }: Ground): Promise<string | null> {
  if (spawnSync('redis-server', ['--version']).status !== 0) return null
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'yes', '--dir', directory]
  await processes.serve({ name: 'redis', command: 'redis-server', args, cpu: cpus.load, port })
  return `redis://127.0.0.1:${port}`
}

function answersOf(seen: readonly Seen[]): Record<string, number> {
  const answers: Record<string, number> = {}
  for (const { status, code, keyStatus } of seen) {
    const name = `${status} ${code === '' ? keyStatus : code}`
    answers[name] = (answers[name] ?? 0) + 1
  }
  return answers
}

function count(seen: readonly Seen[], is: (one: Seen) => boolean): number {
  return seen.filter(is).length
}
