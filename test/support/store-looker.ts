// A process that opens the embedded store and says what it sees of a key, as JSON: `store-looker.ts PATH KEY`.

import { systemClock } from '../../proxy/core/clock.ts'
import { LmdbStore } from '../../proxy/stores/lmdb-store.ts'

const [path, key] = process.argv.slice(2) as [string, string]
const store = new LmdbStore(systemClock, { path, durability: 'process', maxBytes: 2 ** 30, keys: null })
const opened = await store.open()
const found = await store.lookup(key)
const reason = opened.kind === 'fault' ? opened.reason : found.kind === 'unknown' ? found.reason : null
process.stdout.write(JSON.stringify({ pid: process.pid, opened: opened.kind, found: found.kind, reason }))
await store.close()
