// Redis killed for three seconds under load, through the real server and a real process; thirty seconds are in
// test/long.

import { test } from 'tap'
import { judgeOutage, redisOutage } from '../support/redis-outage.ts'

test('case 37: Redis is killed for three seconds: refusals at once, other routes as ever, served again within two',
  async (t) => { judgeOutage(t, await redisOutage(t, 3_000)) })
