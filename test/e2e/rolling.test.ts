// A rolling restart behind a real HAProxy, under load, of the whole picture: nobody who charges notices.

import { test } from 'tap'
import { missingBalancer } from '../support/balancer.ts'
import { rolling } from '../support/rolling.ts'

// Where no haproxy is installed there is nobody who would ask for readiness; the check of a clean clone installs it.
const skip = missingBalancer() ?? false

test('three restarts of a pair lose no request and no charge, and the ledgers agree', { skip, timeout: 60_000 },
  async (t) => {
    const { told, services, provider, doubles, endings } = await rolling(t, { restarts: 3, callers: 6 })
    t.comment(`${told.length} charges; drains took ${endings.map(({ tookMs }) => Math.round(tookMs)).join(', ')} ms`)
    for (const warning of endings.flatMap(({ warnings }) => warnings).slice(0, 20)) t.comment(warning)
    t.strictSame(told.filter(({ status }) => status !== 201), [], 'everybody was told that it went well')
    t.strictSame(endings.map(({ code }) => code).filter((code) => code !== 0), [], 'nothing was cut')
    t.strictSame(services, provider, 'the same charges with the same keys')
    t.equal(services.length, told.length)
    t.strictSame(doubles, [])
    t.ok(told.length > 100, 'there was a load')
  })
