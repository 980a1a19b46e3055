// Fills a small disk under the embedded store, looks at what it says, makes room, and looks again; the answers go to
// stdout as JSON. Run in a mount namespace of its own: `store-full-disk.ts MOUNT`.

import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../proxy/core/clock.ts'
import { LmdbStore } from '../../proxy/stores/lmdb-store.ts'
import { answerOf, claimOf } from './store-bench.ts'

const mount = process.argv[2] as string
const options = { path: join(mount, 'store'), durability: 'process', maxBytes: 2 ** 30, keys: null } as const
const store = new LmdbStore(systemClock, options)
await store.open()
await store.claim(claimOf('s:kept', 'a'))
await store.finish('s:kept', 'a', answerOf(Buffer.alloc(1_000, 1)), 60_000)
await store.claim(claimOf('s:busy', 'a'))

const { bavail, bsize } = statfsSync(mount)
const filler = join(mount, 'filler')
writeFileSync(filler, Buffer.alloc(bavail * bsize))
let fault = 'none'
for (let i = 0; i < 200 && fault === 'none'; i++) {
  const claimed = await store.claim(claimOf(`s:${i}`, 'a', { credential: 'x'.repeat(1_000) }))
  if (claimed.kind === 'fault') fault = claimed.reason
}
// A sync point comes meanwhile, and finds no room for its note.
const faults = (): number => Number(store.inspect()['syncFaultsTotal'])
for (const giveUpAt = performance.now() + 2_000; faults() === 0 && performance.now() < giveUpAt;) {
  await store.claim(claimOf('s:more', 'a'))
  await store.release('s:more', 'a')
  await new Promise((resolve) => { setImmediate(resolve) })
}
const syncFaults = faults() > 0 ? 'counted' : 'none'
const kept = (await store.lookup('s:kept')).kind === 'done'
const lookups = (await store.lookup('s:none')).kind === 'absent' ? 'served' : 'refused'
rmSync(filler)
const after = (await store.claim(claimOf('s:after', 'a'))).kind
const finished = (await store.finish('s:busy', 'a', answerOf(Buffer.alloc(1_000, 2)), 60_000)).kind
await store.close()
const again = new LmdbStore(systemClock, options)
await again.open()
const reopened = (await again.lookup('s:busy')).kind
await again.close()
process.stdout.write(JSON.stringify({ fault, syncFaults, kept, lookups, after, finished, reopened }))
