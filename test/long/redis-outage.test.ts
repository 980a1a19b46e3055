// The outage of test/e2e at its full length.

import { test } from 'tap'
import { judgeOutage, redisOutage } from '../support/redis-outage.ts'

test('case 37: Redis is killed for thirty seconds: refusals at once, other routes as ever, served again within two',
  { timeout: 120_000 }, async (t) => { judgeOutage(t, await redisOutage(t, 30_000)) })
