// A process that claims keys in the embedded store beside others and says which it got: `store-racer.ts PATH NAME
// KEY…`.

import { systemClock } from '../../proxy/core/clock.ts'
import { LmdbStore } from '../../proxy/stores/lmdb-store.ts'
import { answerOf, claimOf } from './store-bench.ts'

const [path, name, ...keys] = process.argv.slice(2) as [string, string, ...string[]]
const store = new LmdbStore(systemClock, { path, durability: 'process', maxBytes: 2 ** 30, keys: null })
const opened = await store.open()
if (opened.kind === 'fault') throw new Error(opened.message)
await Promise.all(keys.map(async (key) => {
  const claimed = await store.claim(claimOf(key, name))
  if (claimed.kind === 'fault') throw new Error(claimed.message)
  if (claimed.kind !== 'taken') return
  process.stdout.write(`taken ${key}\n`)
  await store.finish(key, name, answerOf(Buffer.from(name)), 60_000)
}))
await store.close()
