import { test } from 'tap'
import { GhostTime } from './ghost-time.ts'

test('a permit is kept for two service times, a second at most', async (t) => {
  const ghosts = new GhostTime()
  t.equal(ghosts.keepMs(5, 20), 40)
  t.equal(ghosts.keepMs(500, 20), 40)
  t.equal(ghosts.keepMs(5, 900), 1_000)
})

test('with nothing learned it is kept as long again, and no shorter than when something was known', async (t) => {
  const ghosts = new GhostTime()
  t.equal(ghosts.keepMs(30, 0), 30)
  t.equal(ghosts.keepMs(5_000, 0), 1_000)
  ghosts.keepMs(5, 20)
  t.equal(ghosts.keepMs(1, 0), 20)
  t.equal(ghosts.keepMs(300, 0), 300)
})

test('who leaves within three service times was in a hurry; without a baseline nobody can tell', async (t) => {
  const ghosts = new GhostTime()
  t.equal(ghosts.isHasty(59, 20), true)
  t.equal(ghosts.isHasty(60, 20), false)
  t.equal(ghosts.isHasty(0, 0), false)
})
