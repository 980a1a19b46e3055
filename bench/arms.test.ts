// Alternation and its arithmetic: the order of visits, medians, and ratios taken within a round.
import { test } from 'tap'
import { alternate, armNamed, ratioTo, summarise, withDifferences } from './arms.ts'
import { median, spreadOf } from './statistics.ts'

test('arms take turns, round by round', async (t) => {
  const visits: string[] = []
  const arm = (name: string) => ({
    name,
    measure: async (round: number) => {
      visits.push(name + round)
      return { us: round }
    },
  })
  const results = await alternate({ arms: ['a', 'b', 'c'].map(arm), rounds: 3 })
  t.same(visits, ['a0', 'b0', 'c0', 'a1', 'b1', 'c1', 'a2', 'b2', 'c2'])
  t.same(results.map(({ name, figures }) => [name, figures.us]), [
    ['a', { median: 1, min: 0, max: 2 }], ['b', { median: 1, min: 0, max: 2 }], ['c', { median: 1, min: 0, max: 2 }],
  ])
})

test('fewer than three rounds are refused', async (t) => {
  await t.rejects(alternate({ arms: [], rounds: 2 }), RangeError)
})

test('a median is the middle value, or the mean of the two middle ones', async (t) => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 3, 2]), 2.5)
  t.equal(median([10, 9]), 9.5)
  t.equal(median([7]), 7)
  t.throws(() => median([]), RangeError)
  t.same(spreadOf([5, -1, 2]), { median: 2, min: -1, max: 5 })
})

test('a ratio is the median of the rounds\' ratios, so a slow round slows both sides of it', async (t) => {
  // The machine was three times slower in the second round: both arms felt it, and the ratio did not.
  const base = summarise('base', [{ us: 10 }, { us: 30 }, { us: 10 }])
  const arm = summarise('arm', [{ us: 20 }, { us: 66 }, { us: 25 }])
  t.same(ratioTo(base, arm, 'us'), { median: 2.2, min: 2, max: 2.5 })
  // The ratio of the medians would have been 2.5.
  t.same(ratioTo(base, base, 'us'), { median: 1, min: 1, max: 1 })
})

test('a ratio skips rounds in which a side is missing or the baseline is not above zero', async (t) => {
  const base = summarise('base', [{ us: 0 }, { us: 4 }, {}, { us: -1 }])
  const arm = summarise('arm', [{ us: 8 }, { us: 8 }, { us: 8 }, { us: 8 }])
  t.same(ratioTo(base, arm, 'us'), { median: 2, min: 2, max: 2 })
  t.equal(ratioTo(base, arm, 'bytes'), undefined)
})

test('differences to the baseline are taken within a round and become figures', async (t) => {
  const base = summarise('direct', [{ p50Us: 40 }, { p50Us: 140 }, { p50Us: 50 }])
  const arm = summarise('proxy', [{ p50Us: 100 }, { p50Us: 210 }, { p50Us: 100 }])
  const results = withDifferences([base, arm], base, { p50Us: 'addedP50Us' })
  t.same(armNamed(results, 'proxy')?.figures.addedP50Us, { median: 60, min: 50, max: 70 })
  t.equal(armNamed(results, 'direct')?.figures.addedP50Us, undefined)
  t.equal(armNamed(results, 'other'), undefined)
})
