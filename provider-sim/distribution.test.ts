// Latency distributions: what they draw, and what they complain about.

import { test } from 'tap'
import type { Distribution } from './distribution.ts'
import { readDistribution, sampleMs } from './distribution.ts'
import type { Complaint } from './field-checks.ts'
import { openStream } from './random.ts'

function samples(distribution: Distribution, seed: number): number[] {
  const first = openStream(seed, 'first')
  const second = openStream(seed, 'second')
  return Array.from({ length: 20_000 }, () => sampleMs(distribution, first(), second()))
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(sorted.length * share)] ?? 0
}

test('every distribution keeps its mean', async (t) => {
  const shapes: Distribution[] = [
    { type: 'constant', meanMs: 100 },
    { type: 'uniform', meanMs: 100, spreadMs: 40 },
    { type: 'exponential', meanMs: 100, maxMs: 600_000 },
    { type: 'lognormal', meanMs: 100, sigma: 0.8, maxMs: 600_000 },
  ]
  for (const seed of [1, 2, 3]) {
    for (const shape of shapes) {
      const mean = samples(shape, seed).reduce((sum, one) => sum + one, 0) / 20_000
      t.ok(Math.abs(mean - 100) < 4, `${shape.type}, seed ${seed}: mean ${mean}`)
    }
  }
})

test('the shapes differ as they should', async (t) => {
  const uniform = samples({ type: 'uniform', meanMs: 100, spreadMs: 40 }, 1)
  t.ok(uniform.every((one) => one >= 60 && one <= 140))
  t.ok(Math.min(...uniform) < 61 && Math.max(...uniform) > 139)
  const exponential = samples({ type: 'exponential', meanMs: 100, maxMs: 600_000 }, 1).sort((a, b) => a - b)
  t.ok(Math.abs(quantile(exponential, 0.99) - 460) < 30, `p99 ${quantile(exponential, 0.99)}, theory 460`)
  const lognormal = samples({ type: 'lognormal', meanMs: 100, sigma: 0.5, maxMs: 600_000 }, 1).sort((a, b) => a - b)
  const ratio = quantile(lognormal, 0.99) / quantile(lognormal, 0.5)
  t.ok(Math.abs(ratio - 3.2) < 0.25, `p99 / median ${ratio}, theory 3.2`)
})

test('no draw passes the maximum, and no mean is no latency', async (t) => {
  t.ok(samples({ type: 'exponential', meanMs: 100, maxMs: 150 }, 1).every((one) => one <= 150))
  t.ok(samples({ type: 'lognormal', meanMs: 100, sigma: 2, maxMs: 150 }, 1).every((one) => one <= 150))
  t.equal(sampleMs({ type: 'lognormal', meanMs: 0, sigma: 1, maxMs: 150 }, 0.5, 0.5), 0)
})

test('a bare duration is a constant latency, and text has units', async (t) => {
  t.same(readDistribution('1.5s', 'latency', []), { type: 'constant', meanMs: 1_500 })
  t.same(readDistribution(20, 'latency', []), { type: 'constant', meanMs: 20 })
  const uniform = readDistribution({ type: 'uniform', meanMs: '80ms' }, 'latency', [])
  t.same(uniform, { type: 'uniform', meanMs: 80, spreadMs: 80 })
})

test('wrong distributions are named by field', async (t) => {
  const wrong: [unknown, string][] = [
    ['fast', 'latency'],
    [-1, 'latency'],
    ['11m', 'latency'],
    [true, 'latency'],
    [{ type: 'normal', meanMs: 1 }, 'latency.type'],
    [{ type: 'constant' }, 'latency.meanMs'],
    [{ type: 'constant', meanMs: 1, sigma: 1 }, 'latency.sigma'],
    [{ type: 'uniform', meanMs: 10, spreadMs: 11 }, 'latency.spreadMs'],
    [{ type: 'lognormal', meanMs: 10, sigma: 9 }, 'latency.sigma'],
  ]
  for (const [value, field] of wrong) {
    const complaints: Complaint[] = []
    readDistribution(value, 'latency', complaints)
    t.equal(complaints[0]?.field, field, JSON.stringify(value))
  }
})
