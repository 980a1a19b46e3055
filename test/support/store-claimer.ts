// A process that claims keys in the embedded store and stays, to be killed: `store-claimer.ts PATH KEY…`.

import { systemClock } from '../../proxy/core/clock.ts'
import { LmdbStore } from '../../proxy/stores/lmdb-store.ts'
import { claimOf } from './store-bench.ts'

const [path, ...keys] = process.argv.slice(2)
const store = new LmdbStore(systemClock, { path: path as string, durability: 'process', maxBytes: 2 ** 30, keys: null })
await store.open()
for (const key of keys) {
  const claimed = await store.claim(claimOf(key, `token-${key}`))
  if (claimed.kind !== 'taken') throw new Error(`${key}: ${claimed.kind}`)
}
process.stdout.write('claimed\n')
// Nobody kills it when its test died first.
setTimeout(() => process.exit(1), 60_000)
