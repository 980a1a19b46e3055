import { mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { makeFolder } from './folder.ts'

test('a folder is made with those above it, for its owner alone, and is there the second time', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'seawall-'))
  t.teardown(() => { rmSync(root, { recursive: true, force: true }) })
  const path = join(root, 'a', 'b', 'c')
  makeFolder(path)
  makeFolder(path)
  for (const folder of [path, join(root, 'a')]) t.equal(statSync(folder).mode & 0o777, 0o700)
})

test('where none can be made it says so at once', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'seawall-'))
  t.teardown(() => { rmSync(root, { recursive: true, force: true }) })
  symlinkSync(join(root, 'nowhere'), join(root, 'dangling'))
  for (const path of ['/proc/nowhere/store', join(root, 'dangling', 'store')]) {
    t.throws(() => { makeFolder(path) }, { code: 'ENOENT' }, path)
  }
})
