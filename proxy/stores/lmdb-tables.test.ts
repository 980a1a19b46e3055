import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import { t as root, test } from 'tap'
import type { Stage } from '../algorithms/idempotency-record.ts'
import { systemClock } from '../core/clock.ts'
import { LmdbStore } from './lmdb-store.ts'
import { LmdbTables } from './lmdb-tables.ts'
import type { Entry, Held } from './lmdb-tables.ts'
import { isFault } from './record-codec.ts'

const folder = mkdtempSync(join(tmpdir(), 'seawall-tables-'))
let tables!: LmdbTables

root.before(async () => {
  const opened = await LmdbTables.open(systemClock, join(folder, 'store'), false)
  if (isFault(opened)) throw new Error(opened.message)
  tables = opened
})

root.teardown(async () => {
  await tables.close()
  rmSync(folder, { recursive: true, force: true })
})

const day = 86_400_000
const stages: { readonly [Name in 'claim' | 'doubt' | 'answer']: Stage<Buffer> } = {
  claim: { kind: 'in-flight' },
  doubt: { kind: 'unknown', reason: 'timeout' },
  answer: { kind: 'done', answer: Buffer.from('body'), finishedAtMs: 1 },
}

function recordIn(stage: Stage<Buffer>, token: string): Held {
  const facts = { owner: 'o', fingerprint: 'f', credential: 'c', generation: 1, createdAtMs: 0, expiresAtMs: day }
  return { ...facts, stage, token }
}

function entryOf(key: string): Entry | null {
  tables.refresh()
  const entry = tables.read(key)
  if (entry !== null && isFault(entry)) throw new Error(entry.message)
  return entry
}

/** Brings a key that is not there into a stage. */
async function bring(key: string, stage: Stage<Buffer>): Promise<Entry> {
  await tables.change(key, null, recordIn(stages.claim, 'a'))
  if (stage.kind !== 'in-flight') await tables.change(key, entryOf(key), recordIn(stage, 'a'))
  return entryOf(key) as Entry
}

for (const [name, stage] of Object.entries(stages)) {
  test(`a claim that saw nothing changes nothing where meanwhile stands a ${name}`, async (t) => {
    const key = `seen:${name}`
    const held = await bring(key, stage)
    const before = tables.figures()
    t.equal(await tables.change(key, null, recordIn(stages.claim, 'b')), false)
    t.strictSame(entryOf(key), held)
    t.strictSame(tables.figures(), before)
    t.equal(await tables.change(key, held, null), true)
    t.equal(entryOf(key), null, 'it stood in one place only')
  })

  test(`a change of a ${name} that was changed meanwhile changes nothing`, async (t) => {
    const key = `late:${name}`
    const held = await bring(key, stage)
    t.equal(await tables.change(key, held, recordIn(stages.doubt, 'b')), true)
    const before = tables.figures()
    for (const next of [null, ...Object.values(stages).map((later) => recordIn(later, 'c'))]) {
      t.equal(await tables.change(key, held, next), false)
    }
    t.equal(entryOf(key)?.record.token, 'b')
    t.strictSame(tables.figures(), before)
    t.equal(await tables.change(key, entryOf(key), null), true)
  })
}

test('whatever a key goes through, it is counted once, is due once, and leaves nothing behind', async (t) => {
  const { claim, doubt, answer } = stages
  for (const [i, way] of [[answer], [doubt], [doubt, answer], [doubt, claim, answer], [claim, doubt]].entries()) {
    const key = `way:${i}`
    await bring(key, claim)
    for (const stage of way) await tables.change(key, entryOf(key), recordIn(stage, 'a'))
    const last = way.at(-1) as Stage<Buffer>
    t.match(tables.figures(), {
      inFlight: 0, unknown: last.kind === 'unknown' ? 1 : 0, done: last.kind === 'done' ? 1 : 0,
    })
    t.strictSame(tables.inDoubt(10), last.kind === 'unknown' ? [key] : [])
    t.strictSame(tables.due(day - 1, 10), [], 'not before its time')
    t.strictSame(tables.due(day + 20_000, 10).map((due) => due.key), [key])
    t.equal(await tables.change(key, entryOf(key), null), true)
    t.match(tables.figures(), { inFlight: 0, unknown: 0, done: 0 })
    tables.refresh()
    t.strictSame(tables.due(day + 20_000, 10), [])
  }
})

test('what is in flight and the keys of a scope are read in parts, none twice and none left out', async (t) => {
  const keys = Array.from({ length: 25 }, (_, i) => `part:${String(i).padStart(2, '0')}`)
  for (const [i, key] of keys.entries()) await bring(key, i % 3 === 0 ? stages.answer : stages.claim)
  tables.refresh()
  t.strictSame(inParts((after) => tables.keysOf('part', after, 4)), keys)
  const claims = inParts((after) => tables.inFlight(after, 4).map(({ key }) => key))
  t.strictSame(claims, keys.filter((_, i) => i % 3 !== 0))
})

function inParts(read: (after: string) => string[]): string[] {
  const all: string[] = []
  for (let part = read(''); part.length > 0; part = read(all.at(-1) as string)) all.push(...part)
  return all
}

test('a store of the layout before this one is refused, and said to be', async (t) => {
  const path = join(folder, 'former')
  const former = open<Buffer, string>({ path, maxDbs: 4 })
  await former.openDB('open', { encoding: 'binary' }).put('o|s:1', Buffer.alloc(0))
  await former.close()
  const store = new LmdbStore(systemClock, { path, durability: 'process', maxBytes: 2 ** 30, keys: null })
  t.match(await store.open(), { kind: 'fault', reason: 'misconfigured', message: /earlier Seawall .* layout/ })
})
