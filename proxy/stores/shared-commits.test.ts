import { test } from 'tap'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { SharedCommits } from './shared-commits.ts'

/** What became of a write. */
function added(commits: SharedCommits, write: () => Promise<boolean>): Promise<boolean> {
  return new Promise((resolve, reject) => { commits.add({ write, committed: resolve, failed: reject }) })
}

/** A database whose writes end when a test says so. */
function database() {
  const begun: string[] = []
  const open: { readonly resolve: (isDone: boolean) => void; readonly reject: (error: Error) => void }[] = []
  return {
    begun,
    write: (name: string) => (): Promise<boolean> => new Promise((resolve, reject) => {
      begun.push(name)
      open.push({ resolve, reject })
    }),
    commit: () => { for (const { resolve } of open.splice(0)) resolve(true) },
    fail: () => { for (const { reject } of open.splice(0)) reject(new Error('the disk is full')) },
  }
}

test('writes of one turn begin at once, and what comes during their commit begins together after it', async (t) => {
  const clock = new VirtualClock()
  const commits = new SharedCommits(clock)
  const { begun, write, commit } = database()
  const first = [added(commits, write('a')), added(commits, write('b'))]
  t.strictSame(begun, ['a', 'b'])
  await clock.run(1)
  const later = [added(commits, write('c')), added(commits, write('d'))]
  t.strictSame(begun, ['a', 'b'])
  commit()
  t.strictSame(await Promise.all(first), [true, true])
  t.strictSame(begun, ['a', 'b', 'c', 'd'])
  commit()
  t.strictSame(await Promise.all(later), [true, true])
})

test('after a commit that failed, and after a write that threw, the others go on', async (t) => {
  const clock = new VirtualClock()
  const commits = new SharedCommits(clock)
  const { begun, write, commit, fail } = database()
  const first = added(commits, write('a'))
  await clock.run(1)
  const closed = added(commits, () => { throw new Error('closed') })
  const last = added(commits, write('b'))
  fail()
  await t.rejects(first, { message: 'the disk is full' })
  await t.rejects(closed, { message: 'closed' })
  t.strictSame(begun, ['a', 'b'])
  commit()
  t.equal(await last, true)
})
