import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import type { RootDatabase } from 'lmdb'
import { test } from 'tap'
import { seededRandom } from '../../test/sim/seeded-random.ts'
import { unlink, unlinkFinished } from './finished-writes.ts'
import type { Link } from './finished-writes.ts'

const folder = mkdtempSync(join(tmpdir(), 'seawall-writes-'))
process.on('exit', () => { rmSync(folder, { recursive: true, force: true }) })

function openIn(name: string): RootDatabase<Buffer, string> {
  return open<Buffer, string>({
    path: join(folder, name), encoding: 'binary', useVersions: true, eventTurnBatching: false, noSync: true,
  })
}

function chainOf(count: number): Link[] {
  const links: Link[] = Array.from({ length: count }, () => ({ next: null, meta: {}, valueBuffer: null }))
  for (const [i, link] of links.entries()) link.next = links[i + 1] ?? null
  return links
}

test('the database gives its writes after a commit, and those that are done hold nothing any more', async (t) => {
  const root = openIn('chain')
  const seen: Link[] = []
  root.on('aftercommit', ({ next, last }: { next: Link; last: Link }) => { seen.push(next, last) })
  unlinkFinished(root)
  for (let i = 0; i < 3; i++) {
    await Promise.all(['a', 'b', 'c'].map((key) => root.put(key, Buffer.from(key), i)))
  }
  await root.close()
  t.ok(seen.length >= 6, 'each commit is told of')
  for (const link of seen.slice(0, -1)) {
    t.strictSame([link.next, link.meta, link.nextTxn ?? null], [null, null, null])
  }
})

test('a chain is cut up to its end, and no further than the database has come', (t) => {
  const [whole, part] = [chainOf(4), chainOf(4)]
  unlink(whole[0] as Link, whole[2] as Link)
  t.strictSame(whole.map(({ next }) => next !== null), [false, false, true, false])
  Object.assign(part[1] as Link, { valueBuffer: undefined })
  unlink(part[0] as Link, part[3] as Link)
  t.strictSame(part.map(({ next }) => next !== null), [false, true, true, false])
  t.end()
})

test('writes that overlap with commits are told right, whatever their number and their conditions', async (t) => {
  const seed = Date.now() % 1e9
  t.comment(`seed ${seed}`)
  const random = seededRandom(seed)
  const root = openIn('overlapping')
  unlinkFinished(root)
  let wrong = 0
  const writes: Promise<void>[] = []
  for (let i = 0; i < 4_000; i++) {
    const key = `key ${i}`
    const isNew = random() < 0.7
    const done = isNew ? root.ifNoExists(key, () => { void root.put(key, Buffer.alloc(20), 1) })
      : root.ifVersion(`key ${i - 1}`, 77, () => { void root.put(key, Buffer.alloc(20), 1) })
    writes.push(done.then((isDone) => { if (isDone !== isNew) wrong++ }))
    if (random() < 0.1) writes.push(root.remove(`none ${i}`).then(() => { /* It was never there. */ }))
    if (random() < 0.2) await new Promise((resolve) => { setImmediate(resolve) })
    if (random() < 0.02) await writes.at(-1)
  }
  await Promise.all(writes)
  t.equal(wrong, 0)
  await root.close()
})
