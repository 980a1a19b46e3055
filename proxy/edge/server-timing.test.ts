// What a caller is told of the time its answer took, and who is told.

import { test } from 'tap'
import { SimCaller } from '../../test/sim/sim-caller.ts'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { Exchange } from '../core/exchange.ts'
import { deafOwner } from '../core/fixtures/deaf-owner.ts'
import type { Plan } from '../core/plan.ts'
import { RawClient } from './fixtures/raw-client.ts'
import { reply, stubHouse } from './fixtures/stub-house.ts'
import { withTiming } from './server-timing.ts'

const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const forwarding: Plan['forwarding'] = {
  host: null, via: 'seawall-test', stripPrefix: '', requestRemove: new Set(), requestSet: [],
  responseRemove: new Set(), responseSet: [], tellsTiming: true, trusts: () => false,
}

test('an upstream that says what took its time is heard as well, in its own line first', async (t) => {
  const house = await stubHouse({
    handle: async () => reply(200, 'x', ['Server-Timing', 'db;dur=5']), plan: { forwarding },
  })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  t.teardown(() => client.destroy())
  client.send(get)
  const received = await client.until(/\r\n\r\nx/)
  t.match(received, /Server-Timing: db;dur=5\r\nserver-timing: queue;dur=0, attempts;desc="0"\r\n/)
})

test('refusals of a route that asks say it too, and nobody hears it from one that does not', async (t) => {
  for (const tellsTiming of [true, false]) {
    const house = await stubHouse({
      handle: async () => ({ kind: 'failed', fault: 'upstream.reset', cause: 'reset' }),
      plan: { forwarding: { ...forwarding, tellsTiming } },
    })
    t.teardown(() => house.close())
    const client = new RawClient(house.url)
    t.teardown(() => client.destroy())
    client.send(get)
    const received = await client.until(/\r\n\r\n\{/)
    t.match(received, /^HTTP\/1.1 502 [^]*idempotency-status: not-processed\r\n/)
    t.equal(/server-timing: queue;dur=0, attempts;desc="0"\r\n/.test(received), tellsTiming)
  }
})

test('upstream is the time of the attempt that was answered, or runs still', async (t) => {
  const clock = new VirtualClock()
  const plan = { doors: {} } as Partial<Plan> as Plan
  const exchange = new Exchange(new SimCaller(clock, {}), plan, deafOwner, 0)
  const valueOf = (now: number): string | undefined => withTiming(['a', 'b'], exchange, now)[3]
  exchange.queuedMs = 1.2345
  exchange.work.attempts = 2
  exchange.work.last = { sentAt: -1, headAt: -1 } as typeof exchange.work.last
  t.equal(valueOf(90), 'queue;dur=1.2, attempts;desc="2"')
  exchange.work.last = { sentAt: 10, headAt: -1 } as typeof exchange.work.last
  t.equal(valueOf(90), 'queue;dur=1.2, attempts;desc="2", upstream;dur=80')
  exchange.work.last = { sentAt: 10, headAt: 40.06 } as typeof exchange.work.last
  t.equal(valueOf(90), 'queue;dur=1.2, attempts;desc="2", upstream;dur=30.1')
})
