// What a claim and its answer cost in each store: pairs a second and CPU a pair, one at a time and 64 at once; and
// what a million records do to a claim and to memory. `node bench/micro/stores.ts [memory lmdb flushed redis
// million]`; about a minute. No requests and no proxy: only the stores.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

async function withLmdb(
  durability: 'process' | 'disk', run: (store: RecordStore) => Promise<void>,
): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'seawall-bench-'))
  const store = await opened(new LmdbStore(systemClock, { path, durability, maxBytes: 8 * 2 ** 30, keys: null }))
  try {
    await run(store)
  } finally {
    await store.close()
    rmSync(path, { recursive: true, force: true })
  }
}

async function million(store: RecordStore): Promise<void> {
  const claims = async (count: number): Promise<{ readonly p50: number; readonly p99: number }> => {
    const times: number[] = []
    await Promise.all(Array.from({ length: 16 }, async () => {
      while (times.length < count) {
        const key = keyOf(next++)
        const start = performance.now()
        await store.claim(claimOf(key, 't'))
        times.push(performance.now() - start)
        await store.finish(key, 't', answer, 86_400_000)
      }
    }))
    const sorted = times.toSorted((a, b) => a - b)
    const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
    return { p50: at(0.5), p99: at(0.99) }
  }
  await claims(5_000)
  const empty = await claims(20_000)
  // As many at once as a proxy would have; the memory of this process is a figure too.
  for (let i = next; i < 1_000_000; i += 256) await Promise.all(Array.from({ length: 256 }, () => pair(store)))
  const full = await claims(20_000)
  const anonymous = /RssAnon:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]
  const text = (at: { p50: number; p99: number }): string => `p50 ${at.p50.toFixed(2)} ms, p99 ${at.p99.toFixed(2)} ms`
  print('claim, empty store', text(empty))
  print('claim, 1,000,000 records', text(full))
  const { heapTotal, external } = process.memoryUsage()
  const [all, heap, outside] = [Number(anonymous) * 1024, heapTotal, external].map((n) => Math.round(n / 2 ** 20))
  print('anonymous memory', `${all} MiB, of which heap ${heap} and buffers ${outside}`)
}

function print(name: string, text: string): void { process.stdout.write(`${name.padEnd(28)} ${text}\n`) }

const asked = process.argv.slice(2)
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
  await withLmdb('process', million)
}
process.exit(0)
