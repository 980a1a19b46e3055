import { test } from 'tap'
import type { Test } from 'tap'
import { lessons } from '../core/outcome-matrix.ts'
import type { Endpoint } from '../core/upstream.ts'
import { EndpointLimits } from './endpoint-limits.ts'
import { defaultLearning } from './limit.ts'
import { ProbingLimit } from './probing-limit.ts'

const at = (name: string): Endpoint => ({ url: `http://${name}`, host: name, port: 80, isSecure: false })
const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(at) as [Endpoint, Endpoint, Endpoint, Endpoint]

function limitsOf(endpoints: readonly Endpoint[], initial = 10): EndpointLimits {
  const limits = new EndpointLimits()
  limits.bound({ ...defaultLearning, initial })
  limits.setEndpoints(endpoints, 0)
  return limits
}

/** Keeps so many in flight at that endpoint, each for 10 ms, until it has learned something of it. */
function teach(limits: EndpointLimits, endpoint: Endpoint, inFlight: number): void {
  const limit = limits.of(endpoint)
  for (let i = 0; i < inFlight; i++) limit.take(0)
  for (let now = 10 / inFlight; now < 2_000; now += 10 / inFlight) {
    limit.learn(lessons.success, 10, now)
    limit.leave(now)
    limit.take(now)
  }
  for (let i = 0; i < inFlight; i++) limit.leave(2_000)
}

function isSum(t: Test, limits: EndpointLimits, endpoints: readonly Endpoint[]): void {
  const parts = endpoints.map((endpoint) => limits.of(endpoint))
  t.equal(limits.limit, parts.reduce((sum, { usable, inUse }) => sum + Math.max(usable, inUse), 0))
  t.equal(limits.usable, parts.reduce((sum, { usable }) => sum + usable, 0))
}

test('with one endpoint it is that one\'s limit, told the same and nothing else', async (t) => {
  const limits = limitsOf([a])
  const alone = new ProbingLimit(defaultLearning)
  for (let now = 0, inFlight = 0; now < 5_000; now++) {
    inFlight = (inFlight * 7 + now) % 13
    for (const limit of [limits, alone]) {
      limit.observe(inFlight, inFlight > 9, now)
      limit.learn(lessons.success, 3 + now % 5, now)
    }
    if (limits.limit !== alone.limit || limits.baselineMs !== alone.baselineMs) return t.fail(`at ${now}`)
  }
  t.ok(alone.baselineMs > 0)
  t.equal(limits.isSplit, false)
})

test('several endpoints can use the sum of what each can', async (t) => {
  const limits = limitsOf([a, b, c])
  t.equal(limits.limit, 30)
  t.equal(limits.of(b), limits.of(b))
  t.not(limits.of(a), limits.of(b))
  isSum(t, limits, [a, b, c])
})

test('what is in use beyond a limit, or where nobody is asked, takes no room from the others', async (t) => {
  const limits = limitsOf([a, b], 4)
  for (let i = 0; i < 6; i++) limits.of(a).take(0)
  t.equal(limits.limit, 10, 'six, and room for four')
  limits.of(a).ask(false)
  t.equal(limits.limit, 10)
  t.equal(limits.usable, 4)
  for (let i = 0; i < 6; i++) limits.of(a).leave(1)
  t.equal(limits.limit, 4)
  isSum(t, limits, [a, b])
})

test('an endpoint that goes takes its part along, and what is in use there with its last attempt', async (t) => {
  const limits = limitsOf([a, b, c], 4)
  const gone = limits.of(b)
  gone.take(0)
  limits.setEndpoints([a, c], 1)
  t.equal(limits.usable, 8)
  t.equal(limits.limit, 9)
  t.equal(limits.of(b), gone, 'it still counts there')
  gone.leave(2)
  t.equal(limits.limit, 8)
  limits.setEndpoints([a, b, c], 3)
  t.equal(limits.limit, 12)
})

test('one that joins others begins with the middle of what they have learned', async (t) => {
  const limits = limitsOf([a, b, c], 4)
  for (const [endpoint, inFlight] of [[a, 2], [b, 6], [c, 12]] as const) teach(limits, endpoint, inFlight)
  const middle = [a, b, c].map((endpoint) => limits.of(endpoint).learned.limit).toSorted((x, y) => x - y)[1]
  limits.setEndpoints([a, b, c, d], 2_000)
  t.equal(limits.of(d).learned.limit, middle)
  t.ok(limits.of(d).learned.baselineMs > 0)
})

test('the baseline is that of the answers, most of which come from the fast', async (t) => {
  const limits = limitsOf([a, b], 10)
  limits.of(a).learned.baselineMs = 10
  limits.of(b).learned.baselineMs = 40
  limits.relearned()
  // At their limits a answers 1 a ms, b 0.25: (10 · 1 + 40 · 0.25) / 1.25.
  t.equal(limits.baselineMs, 16)
  limits.of(a).ask(false)
  limits.asked()
  t.equal(limits.baselineMs, 40)
})

test('who comes back has room for two, and for one more with each good answer', async (t) => {
  const limits = limitsOf([a, b], 10)
  const back = limits.of(a)
  back.rise()
  t.equal(limits.limit, 12)
  back.learn(lessons.success, 10, 1)
  back.learn(lessons['server-error'], 10, 2)
  t.equal(limits.limit, 13)
  for (let i = 0; i < 20; i++) back.learn(lessons.success, 10, 3 + i)
  t.equal(back.capacity, Math.floor(back.learned.limit))
})

test('the limit of an endpoint binds when somebody would have come, not while others have room', async (t) => {
  const limits = limitsOf([a, b], 2)
  const seen: boolean[] = []
  const { learned } = limits.of(a)
  learned.observe = (_inFlight, isBinding) => { seen.push(isBinding) }
  limits.of(a).take(0)
  limits.of(a).take(1)
  t.equal(seen.at(-1), false)
  limits.of(a).turnedAway(2)
  t.equal(seen.at(-1), true)
  limits.of(a).leave(3)
  t.equal(seen.at(-1), false)
  limits.of(a).take(4)
  t.equal(seen.at(-1), false, 'nobody has wanted it since')
  limits.observe(4, true, 5)
  t.equal(seen.at(-1), true, 'all are full')
})

test('other bounds hold for each from then on; off, there is room everywhere', async (t) => {
  const limits = limitsOf([a, b], 10)
  limits.bound({ ...defaultLearning, max: 3 })
  t.equal(limits.limit, 6)
  for (let i = 0; i < 5; i++) limits.of(a).take(0)
  t.ok(limits.of(a).over > 0)
  limits.bound(null)
  t.ok(limits.of(a).over < 0)
})

test('chance may carry an endpoint a little over its limit, but not while somebody waits', async (t) => {
  const limits = limitsOf([a, b], 9)
  for (let i = 0; i < 11; i++) limits.of(a).take(0)
  t.ok(limits.of(a).over < 0, 'a twelfth may come')
  limits.of(a).take(0)
  t.equal(limits.of(a).over, 0)
  limits.observe(18, true, 1)
  t.equal(limits.of(a).over, 3)
  t.equal(limits.limit, 21, 'the other has all of its room')
})

test('an attempt whose endpoint nobody chose counts where least is in use', async (t) => {
  const limits = limitsOf([a, b], 10)
  limits.of(a).take(0)
  t.equal(limits.of(null), limits.of(b))
})
