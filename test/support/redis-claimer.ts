// A process that claims a key in Redis and stays, to be killed: `redis-claimer.ts URL PREFIX LEASE_MS KEY`.

import { systemClock } from '../../proxy/core/clock.ts'
import { RedisStore } from '../../proxy/stores/redis-store.ts'
import { claimOf } from './store-bench.ts'

const [url, prefix, leaseMs, key] = process.argv.slice(2) as [string, string, string, string]
const store = new RedisStore(systemClock, {
  where: { kind: 'single', url }, prefix, acceptLoss: false, keys: null, connectTimeoutMs: 1_000,
})
await store.open()
const claimed = await store.claim(claimOf(key, 'token', { leaseMs: Number(leaseMs) }))
if (claimed.kind !== 'taken') throw new Error(claimed.kind)
process.stdout.write('claimed\n')
// Nobody kills it when its test died first.
setTimeout(() => process.exit(1), 60_000)
