// What a claim and its answer cost in each store: pairs a second and CPU a pair, one at a time and 64 at once; and
// what a million records do to a claim and to memory. `node bench/micro/stores.ts [memory lmdb flushed redis
// million]`; about a minute. No requests and no proxy: only the stores.

import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../proxy/core/clock.ts'
import type { RecordStore } from '../../proxy/core/record-store.ts'
import { LmdbStore } from '../../proxy/stores/lmdb-store.ts'
import { MemoryStore } from '../../proxy/stores/memory-store.ts'
import { RedisStore } from '../../proxy/stores/redis-store.ts'
import { startRedis } from '../../test/support/redis-server.ts'
import { answerOf, claimOf } from '../../test/support/store-bench.ts'

const answer = answerOf(Buffer.alloc(300, 97))
const keyOf = (i: number): string => `0123456789abcdefghijkl:${String(i).padStart(43, 'k')}`
const runMs = 1_500
let next = 0

async function pair(store: RecordStore): Promise<void> {
  const key = keyOf(next++)
  const claimed = await store.claim(claimOf(key, 'token-0123456789abcdef', { ttlMs: 86_400_000 }))
  if (claimed.kind !== 'taken') throw new Error(claimed.kind === 'fault' ? claimed.message : claimed.kind)
  await store.finish(key, 'token-0123456789abcdef', answer, 86_400_000)
}

async function pairs(name: string, store: RecordStore): Promise<void> {
  for (const inFlight of [1, 64]) {
    const [start, cpu] = [performance.now(), process.cpuUsage()]
    let count = 0
    await Promise.all(Array.from({ length: inFlight }, async () => {
      while (performance.now() - start < runMs) {
        await pair(store)
        count++
      }
    }))
    const { user, system } = process.cpuUsage(cpu)
    const rate = Math.round(count / (performance.now() - start) * 1_000)
    print(`${name}, ${inFlight} at once`, `${rate} pairs/s, ${((user + system) / count).toFixed(1)} µs of CPU a pair`)
  }
}

async function opened(store: RecordStore): Promise<RecordStore> {
  const result = await store.open()
  if (result.kind === 'fault') throw new Error(result.message)
  return store
}

function lmdbAt(path: string, durability: 'process' | 'disk'): LmdbStore {
  return new LmdbStore(systemClock, { path, durability, maxBytes: 8 * 2 ** 30, keys: null })
}

async function withLmdb(
  durability: 'process' | 'disk', run: (store: RecordStore) => Promise<void>,
): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'seawall-bench-'))
  const store = await opened(lmdbAt(path, durability))
  try {
    await run(store)
  } finally {
    await store.close()
    rmSync(path, { recursive: true, force: true })
  }
}

/** A million records, and then processes that know nothing of how they came: on these, and on an empty store. */
async function million(): Promise<void> {
  const [empty, full] = ['empty', 'full'].map(() => mkdtempSync(join(tmpdir(), 'seawall-bench-'))) as [string, string]
  try {
    const store = await opened(lmdbAt(full, 'process'))
    // As many at once as a proxy would have.
    for (let i = 0; i < 1_000_000; i += 256) await Promise.all(Array.from({ length: 256 }, () => pair(store)))
    await store.close()
    const seen: { readonly empty: Visit[]; readonly full: Visit[] } = { empty: [], full: [] }
    for (let round = 0; round < 3; round++) {
      seen.empty.push(visitIn(join(empty, String(round))))
      seen.full.push(visitIn(full))
    }
    for (const [name, visits] of Object.entries(seen)) {
      const median = (of: (visit: Visit) => number): number => visits.map(of).toSorted((a, b) => a - b)[1] ?? Number.NaN
      print(`claim, ${name}`, `p50 ${median(({ p50Ms }) => p50Ms).toFixed(2)} ms, `
        + `p99 ${median(({ p99Ms }) => p99Ms).toFixed(2)} ms, `
        + `anonymous memory ${median(({ anonymousMiB }) => anonymousMiB).toFixed(0)} MiB`)
    }
  } finally {
    for (const path of [empty, full]) rmSync(path, { recursive: true, force: true })
  }
}

interface Visit { readonly p50Ms: number; readonly p99Ms: number; readonly anonymousMiB: number }

/** In a process of its own: its memory holds nothing but the store, and what 20,000 claims leave behind. */
function visitIn(path: string): Visit {
  return JSON.parse(execFileSync(process.execPath, [fileURLToPath(import.meta.url), 'visit', path], {
    encoding: 'utf8',
  })) as Visit
}

async function visit(path: string): Promise<Visit> {
  const store = await opened(lmdbAt(path, 'process'))
  const times: number[] = []
  const own = randomUUID()
  await Promise.all(Array.from({ length: 16 }, async (_, lane) => {
    for (let i = 0; i < 1_500; i++) {
      const key = keyOf(0).replace(/k+0$/, `${own}-${lane}-${i}`)
      const start = performance.now()
      await store.claim(claimOf(key, 't', { ttlMs: 86_400_000 }))
      // The first of them compile and open.
      if (i >= 250) times.push(performance.now() - start)
      await store.finish(key, 't', answer, 86_400_000)
    }
  }))
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  const anonymous = /RssAnon:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]
  await store.close()
  return { p50Ms: at(0.5), p99Ms: at(0.99), anonymousMiB: Number(anonymous) / 1024 }
}

function print(name: string, text: string): void { process.stdout.write(`${name.padEnd(28)} ${text}\n`) }

const asked = process.argv.slice(2)
if (asked[0] === 'visit') {
  process.stdout.write(JSON.stringify(await visit(asked[1] ?? '')))
  process.exit(0)
}
const wants = (name: string): boolean => asked.length === 0 || asked.includes(name)

if (wants('memory')) {
  await pairs('memory', await opened(new MemoryStore(systemClock, { maxRecords: 5_000_000, maxBytes: 64 * 2 ** 20 })))
}
if (wants('lmdb')) await withLmdb('process', (store) => pairs('lmdb', store))
if (wants('flushed')) await withLmdb('disk', (store) => pairs('lmdb, flushed', store))
if (wants('redis')) {
  for (const fsync of ['always', 'everysec']) {
    const server = await startRedis(['--appendfsync', fsync])
    const store = await opened(new RedisStore(systemClock, {
      where: { kind: 'single', url: server.url }, prefix: 'bench:', acceptLoss: false, keys: null,
      connectTimeoutMs: 1_000,
    }))
    await pairs(`redis, ${fsync}`, store)
    await store.close()
    await server.stop()
  }
}
if (wants('million')) {
  next = 0
  await million()
}
process.exit(0)
