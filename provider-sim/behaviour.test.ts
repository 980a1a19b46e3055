// Behaviours as JSON: short forms, defaults, and complaints that name field, expectation and value.

import { test } from 'tap'
import { HEALTHY, parseBehaviour } from './behaviour.ts'
import { InvalidInput } from './field-checks.ts'

test('nothing written is healthy', async (t) => {
  t.same(parseBehaviour({}), HEALTHY)
})

test('the short forms mean what the long ones say', async (t) => {
  t.equal(parseBehaviour({ stall: true }).stall, 'before')
  t.equal(parseBehaviour({ stall: false }).stall, 'off')
  t.same(parseBehaviour({ reset: 'after' }).reset, { when: 'after', rate: 1 })
  t.same(parseBehaviour({ body: 'truncated' }).body, { type: 'truncated', rate: 1 })
  t.match(parseBehaviour({ status: 500 }), { errorRate: 1, status: 500 })
  t.match(parseBehaviour({ status: 500, errorRate: 0.25 }), { errorRate: 0.25, status: 500 })
})

test('a behaviour that was shown can be sent back', async (t) => {
  const behaviours = [
    {},
    { latency: '20ms', stall: 'after', capacity: 3, status: 429, reset: 'before', body: 'slow', dedupe: 'off' },
    { latency: { type: 'lognormal', meanMs: 5 }, body: { type: 'endless', rate: 0.5 }, health: 'unaffected' },
  ]
  for (const behaviour of behaviours) {
    const shown = parseBehaviour(behaviour)
    t.same(parseBehaviour(JSON.parse(JSON.stringify(shown))), shown)
  }
})

test('every fault is told at once, with field, expected and got', async (t) => {
  const wrong = { latncy: 1, capacity: 0, errorRate: 1.5, status: 200, dedupe: true, reset: { when: 'during' } }
  try {
    parseBehaviour(wrong)
    t.fail('accepted')
  } catch (error) {
    t.ok(error instanceof InvalidInput)
    const { complaints, message } = error as InvalidInput
    const fields = complaints.map((one) => one.field)
    t.same(fields, ['latncy', 'capacity', 'errorRate', 'status', 'reset.when', 'dedupe'])
    t.match(message, 'errorRate must be a number from 0 to 1, got 1.5')
    t.match(message, 'dedupe must be one of "on", "off", got true')
    t.match(complaints[0], { expected: /latency, stall/, got: 'an unknown key' })
  }
})

test('keys of another body fault are errors', async (t) => {
  const truncated = { type: 'truncated', bytesPerSecond: 3 }
  t.throws(() => parseBehaviour({ body: truncated }), { message: /body\.bytesPerSecond/ })
  t.throws(() => parseBehaviour({ body: { type: 'normal', rate: 1 } }), { message: /body\.rate/ })
  t.throws(() => parseBehaviour({ body: 'short' }), { message: /body must be one of/ })
  t.throws(() => parseBehaviour({ stall: null }), { message: /stall must be/ })
  t.throws(() => parseBehaviour([]), { message: /the input must be an object, got \[\]/ })
})
