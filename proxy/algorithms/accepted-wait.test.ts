import { test } from 'tap'
import { AcceptedWait, defaultQueueBounds } from './accepted-wait.ts'

/** The bound is 60 ms then, and the budget of a line that begins 240. */
const baselineMs = 20

const accepting = (): AcceptedWait => new AcceptedWait(defaultQueueBounds)

/** A line in front of which no permit is free stands from `at` on. */
function standing(at: number): AcceptedWait {
  const accepted = accepting()
  accepted.observe(1, false, baselineMs, at)
  return accepted
}

test('who comes first may wait as long as a line may last: four bounds, never more than the longest', async (t) => {
  const accepted = accepting()
  t.equal(accepted.mostMs(1, baselineMs, 0), 240)
  t.equal(accepted.mostMs(1, 1, 0), 80, 'the least bound is 20 ms')
  t.equal(accepted.mostMs(1, 100, 0), 500)
  t.equal(accepted.mostMs(1, 0, 0), 500, 'while nothing is known')
})

test('whoever joins later has to be through by the same time, until a quarter of the bound is left', async (t) => {
  const accepted = standing(1000)
  t.equal(accepted.mostMs(1, baselineMs, 1100), 140)
  t.equal(accepted.mostMs(1, baselineMs, 1225), 15)
  t.equal(accepted.mostMs(1, baselineMs, 1226), 15)
  t.equal(accepted.mostMs(1, baselineMs, 60_000), 15)
})

test('the budget comes back while a permit is free, twice as fast', async (t) => {
  const accepted = standing(0)
  accepted.observe(3, true, baselineMs, 100)
  t.equal(accepted.mostMs(1, baselineMs, 100), 140)
  t.equal(accepted.mostMs(1, baselineMs, 130), 200)
  t.equal(accepted.mostMs(1, baselineMs, 200), 240, 'and never grows beyond the whole')
})

test('a line that runs empty does not begin anew while no permit is free', async (t) => {
  const accepted = standing(0)
  accepted.observe(3, false, baselineMs, 500)
  t.equal(accepted.mostMs(1, baselineMs, 10_000), 15)
})

test('a permit that is free for a moment is not enough after an overload', async (t) => {
  const accepted = standing(0)
  accepted.observe(3, true, baselineMs, 10_000)
  t.equal(accepted.mostMs(1, baselineMs, 10_030), 15)
  t.equal(accepted.mostMs(1, baselineMs, 10_060), 60)
  t.equal(accepted.mostMs(1, baselineMs, 10_150), 240)
})

test('a line of lower classes costs a higher one nothing', async (t) => {
  const accepted = standing(0)
  t.strictSame([0, 1, 2].map((level) => accepted.mostMs(level, baselineMs, 2000)), [240, 15, 15])
})

test('while only lower classes wait a higher one gets its budget back, though no permit is free', async (t) => {
  const accepted = accepting()
  accepted.observe(0, false, baselineMs, 0)
  accepted.observe(1, false, baselineMs, 200)
  t.equal(accepted.mostMs(0, baselineMs, 200), 40)
  t.equal(accepted.mostMs(0, baselineMs, 250), 140, 'the next permit is theirs')
  t.equal(accepted.mostMs(1, baselineMs, 250), 15)
})

test('who joined may wait the bound, or twice as long as was accepted: then the prediction was wrong', async (t) => {
  const accepted = standing(0)
  t.equal(accepted.longestMs(1, baselineMs, 0), 480)
  t.equal(accepted.longestMs(1, baselineMs, 140), 200)
  t.equal(accepted.longestMs(1, baselineMs, 220), 60)
  t.equal(accepted.longestMs(1, baselineMs, 5000), 60)
  t.equal(standing(0).longestMs(1, 100, 0), 500, 'and never longer than the longest')
})
