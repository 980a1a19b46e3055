// The rolling restart of test/e2e, often enough to meet what is rare.

import { test } from 'tap'
import { missingBalancer } from '../support/balancer.ts'
import { rolling } from '../support/rolling.ts'

const skip = missingBalancer() ?? false

test('a hundred restarts of a pair lose no request and no charge, and the ledgers agree', { skip, timeout: 590_000 },
  async (t) => {
    const { told, services, provider, doubles, endings } = await rolling(t, { restarts: 100, callers: 6 })
    const tookMs = endings.map((ending) => Math.round(ending.tookMs)).toSorted((a, b) => a - b)
    t.comment(`${told.length} charges; drains took ${tookMs[0]} to ${tookMs.at(-1)} ms`)
    for (const warning of endings.flatMap(({ warnings }) => warnings).slice(0, 20)) t.comment(warning)
    t.strictSame(told.filter(({ status }) => status !== 201), [], 'everybody was told that it went well')
    t.strictSame(endings.map(({ code }) => code).filter((code) => code !== 0), [], 'nothing was cut')
    t.strictSame(services, provider, 'the same charges with the same keys')
    t.equal(services.length, told.length)
    t.strictSame(doubles, [])
  })
