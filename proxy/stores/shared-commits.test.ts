import { test } from 'tap'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import type { Clock } from '../core/clock.ts'
import { SharedCommits } from './shared-commits.ts'

/** What became of a write. */
function added(commits: SharedCommits, write: () => Promise<boolean>): Promise<boolean> {
  return new Promise((resolve, reject) => { commits.add({ write, committed: resolve, failed: reject }) })
}

/** A clock whose turns of the loop end when a test says so. */
function turns() {
  let ending: (() => void)[] = []
  const clock: Clock = Object.assign(new VirtualClock(), { endOfTurn: (fire: () => void) => { ending.push(fire) } })
  return {
    clock,
    nextTurn: async (): Promise<void> => {
      const now = ending
      ending = []
      for (const fire of now) fire()
      await Promise.resolve()
    },
  }
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

test('many that wait behind a commit wait on while each turn brings more, and then begin together', async (t) => {
  const { clock, nextTurn } = turns()
  const commits = new SharedCommits(clock)
  const { begun, write, commit } = database()
  const all = [added(commits, write('first'))]
  await nextTurn()
  for (const name of ['a', 'b', 'c', 'd']) all.push(added(commits, write(name)))
  commit()
  await all[0]
  t.strictSame(begun, ['first'])
  all.push(added(commits, write('e')))
  await nextTurn()
  t.strictSame(begun, ['first'], 'that turn brought one more')
  await nextTurn()
  t.strictSame(begun, ['first', 'a', 'b', 'c', 'd', 'e'])
  commit()
  t.strictSame(await Promise.all(all), all.map(() => true))
})

test('those that wait begin after eight turns, whatever comes', async (t) => {
  const { clock, nextTurn } = turns()
  const commits = new SharedCommits(clock)
  const { begun, write, commit } = database()
  const all = [added(commits, write('first'))]
  await nextTurn()
  for (let i = 0; i < 4; i++) all.push(added(commits, write('early')))
  commit()
  await all[0]
  for (let turn = 1; turn <= 8; turn++) {
    t.equal(begun.length, 1)
    all.push(added(commits, write('late')))
    await nextTurn()
  }
  t.equal(begun.length, 13)
  commit()
  await Promise.all(all)
})
