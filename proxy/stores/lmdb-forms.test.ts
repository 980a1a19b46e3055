// The contract again, for what lmdb can be besides: flushed at each word, and sealed.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ShiftedClock } from '../../test/support/store-bench.ts'
import { storeContract } from '../../test/support/store-contract.ts'
import { LmdbStore } from './lmdb-store.ts'
import { sealKeys } from './sealing.ts'

const folder = mkdtempSync(join(tmpdir(), 'seawall-forms-'))
const clock = new ShiftedClock()
let benches = 0

process.on('exit', () => { rmSync(folder, { recursive: true, force: true }) })

for (const [name, form] of [
  ['lmdb, flushed', { durability: 'disk', keys: null }],
  ['lmdb, sealed', { durability: 'process', keys: sealKeys([Buffer.alloc(32, 7)]) }],
] as const) {
  storeContract(name, () => {
    const path = join(folder, String(benches++))
    return {
      leaseMs: 10_000, sweptAfterMs: 30_000, manyKeys: 1_000,
      join: async () => {
        const store = new LmdbStore(clock, { path, maxBytes: 2 ** 30, ...form })
        const opened = await store.open()
        if (opened.kind === 'fault') throw new Error(opened.message)
        return store
      },
      pass: async (ms) => { clock.shift(ms) },
      lose: async (store) => {
        await store.close()
        return true
      },
    }
  })
}
