import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { t as root, test } from 'tap'
import { claimOf } from '../../test/support/store-bench.ts'
import { decideClaim, decideFinish, decideRelease } from '../algorithms/idempotency-record.ts'
import { systemClock } from '../core/clock.ts'
import { KnownRecords } from './known-records.ts'
import { LmdbTables } from './lmdb-tables.ts'
import type { Entry, Held } from './lmdb-tables.ts'
import { LmdbWord } from './lmdb-word.ts'
import type { WordGround } from './lmdb-word.ts'
import { isFault } from './record-codec.ts'
import { SteadyWall } from './steady-wall.ts'

const folder = mkdtempSync(join(tmpdir(), 'seawall-word-'))
const answer = Buffer.from('an answer')
let tables!: LmdbTables
let ground!: WordGround & { readonly known: KnownRecords }
let reads = 0

root.before(async () => {
  const opened = await LmdbTables.open(systemClock, join(folder, 'store'), false)
  if (isFault(opened)) throw new Error(opened.message)
  tables = opened
  ground = {
    tables, wall: new SteadyWall(systemClock), known: new KnownRecords(), isOwnerGone: () => false,
    read: (key) => { reads++; return tables.read(key) },
  }
})

root.teardown(async () => {
  await tables.close()
  rmSync(folder, { recursive: true, force: true })
})

root.beforeEach(() => { reads = 0 })

const told = (said: string): string => said

function claim(key: string, token: string, believed?: Entry | null): Promise<unknown> {
  return LmdbWord.say(ground, key,
    (record) => decideClaim(record, claimOf(key, token), 'o', systemClock.wallMs()), told, believed)
}

function finish(key: string, token: string): Promise<unknown> {
  return LmdbWord.say(ground, key, (record) => decideFinish(record, token, answer, 60_000, systemClock.wallMs()), told,
    ground.known.claimOf(key, token))
}

function stageOf(key: string): string | undefined {
  tables.refresh()
  const entry = tables.read(key)
  return entry === null || isFault(entry) ? undefined : entry.record.stage.kind
}

/** As another process would: behind the back of what is known here. */
async function replace(key: string, change: (record: Held) => Held | null): Promise<void> {
  tables.refresh()
  const entry = tables.read(key) as Entry
  await tables.change(key, entry, change(entry.record))
}

test('a claim of a key that was just looked up in vain, and the word that ends it, read nothing', async (t) => {
  ground.known.missed('s:1')
  t.equal(await claim('s:1', 'a', ground.known.beforeClaim('s:1')), 'taken')
  t.equal(await finish('s:1', 'a'), 'stored')
  t.equal(reads, 0)
  t.equal(stageOf('s:1'), 'done')
  t.equal(ground.known.claimOf('s:1', 'a'), undefined)
})

test('a claim that believed in vain that there was nothing is told what there is', async (t) => {
  await claim('s:2', 'a')
  t.equal(await claim('s:2', 'b', null), 'held')
  t.equal(await finish('s:2', 'a'), 'stored')
  t.equal(await claim('s:2', 'b', null), 'held')
  t.equal(stageOf('s:2'), 'done')
})

test('a claim that another process called a doubt is finished all the same', async (t) => {
  await claim('s:3', 'a')
  await replace('s:3', (record) => ({ ...record, stage: { kind: 'unknown', reason: 'owner-lost' } }))
  t.equal(await finish('s:3', 'a'), 'stored')
  t.equal(stageOf('s:3'), 'done')
  t.equal(tables.figures().unknown, 0)
})

test('a claim that another process took away or over is not finished', async (t) => {
  await claim('s:4', 'a')
  await replace('s:4', () => null)
  t.equal(await finish('s:4', 'a'), 'gone')
  await claim('s:5', 'a')
  await replace('s:5', (record) => ({ ...record, token: 'b', generation: 2 }))
  t.equal(await finish('s:5', 'a'), 'fenced')
  t.equal(stageOf('s:5'), 'in-flight')
})

test('what is believed is looked at before anything is told by it alone', async (t) => {
  await claim('s:6', 'a')
  const believed = ground.known.claimOf('s:6', 'a')
  await replace('s:6', () => null)
  const release = (token: string): Promise<unknown> => LmdbWord.say(ground, 's:6',
    (record) => decideRelease(record, token), told, believed)
  t.equal(await release('b'), 'gone', 'and not fenced, as it would be by the claim that is believed in')
})
