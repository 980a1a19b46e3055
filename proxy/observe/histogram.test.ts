import { test } from 'tap'
import { HistogramTable } from './histogram.ts'

test('an edge that comes later divides what is counted from then on, and no count falls', async (t) => {
  const table = new HistogramTable([10, 100])
  table.reserve(3)
  for (const row of [0, 2]) for (const ms of [5, 50, 500]) table.observe(row, ms)
  table.addEdge(30)
  t.strictSame(table.edgesMs, [10, 30, 100])
  t.strictSame(table.row(2), { cumulative: [1, 1, 2], count: 3, sumSeconds: 0.555 })
  t.strictSame(table.row(1).cumulative, [0, 0, 0])
  table.observe(0, 20)
  table.observe(0, 50)
  t.strictSame(table.row(0).cumulative, [1, 2, 4])
  table.reserve(30)
  t.strictSame(table.row(0).cumulative, [1, 2, 4], 'also when there are more rows')
})

test('an edge below all, above all, twice, or nowhere', async (t) => {
  const table = new HistogramTable([10])
  table.observe(0, 50)
  for (const edge of [100, 1, 10, 1, Infinity]) table.addEdge(edge)
  t.strictSame(table.edgesMs, [1, 10, 100])
  t.strictSame(table.row(0), { cumulative: [0, 0, 0], count: 1, sumSeconds: 0.05 })
})
