import { test } from 'tap'
import { breakerLaws, Bench } from '../../test/sim/breaker-bench.ts'
import { seededRandom } from '../../test/sim/seeded-random.ts'
import { BreakerMachine } from './breaker-machine.ts'
import { FailureEvidence } from './failure-evidence.ts'

for (const [name, law] of Object.entries(breakerLaws)) {
  test(name, async (t) => {
    t.equal(law((settings, changed) => new BreakerMachine(settings, seededRandom(1), 0, changed)), '')
  })
}

test('open times grow by half from a second to thirty, within 20 % of it', async (t) => {
  const bench = new Bench()
  bench.fail(4)
  const spans: number[] = []
  for (let i = 0; i < 12; i++) {
    const span = bench.machine.retryInMs(bench.now)
    spans.push(span)
    bench.now += span
    bench.probe('fail')
  }
  spans.forEach((span, i) => {
    const due = Math.min(30_000, 1000 * 1.5 ** i)
    t.ok(span >= 0.8 * due && span <= 1.2 * due, `${i}: ${span}`)
  })
  t.not(new Set(spans).size, 1)
})

test('a minute closed forgives one step of growth', async (t) => {
  const bench = new Bench()
  bench.fail(4)
  for (let i = 0; i < 4; i++) { bench.now += 30_000; bench.probe('fail') }
  bench.now += 30_000
  for (let i = 0; i < 3; i++) bench.probe('ok')
  t.equal(bench.machine.state, 'closed')
  bench.now += 10 * 60_000
  bench.fail(4)
  t.ok(bench.machine.retryInMs(bench.now) <= 1_200)
})

test('what the upstream asked for is waited for, a minute at the most', async (t) => {
  for (const [askedMs, due] of [[5_000, 5_000], [600_000, 60_000]] as const) {
    const bench = new Bench()
    bench.fail(3)
    bench.call('fail', askedMs)
    t.equal(bench.machine.retryInMs(bench.now), due)
  }
})

test('a marked overload as answer to a probe postpones the next, and is no failure', async (t) => {
  const bench = new Bench()
  bench.fail(4)
  bench.now += 2_000
  bench.probe('none', 3_000)
  t.equal(bench.machine.state, 'open')
  t.equal(bench.machine.reason, 'retry-after')
  t.equal(bench.machine.retryInMs(bench.now), 3_000)
})

test('the classic form opens for its time, each time, and closes after its probes', async (t) => {
  const bench = new Bench({ openForMs: 30_000, probes: 1 })
  bench.fail(4)
  t.equal(bench.machine.retryInMs(bench.now), 30_000)
  bench.now += 30_000
  bench.probe('fail')
  t.equal(bench.machine.retryInMs(bench.now), 30_000)
  bench.now += 30_000
  bench.probe('ok')
  t.equal(bench.machine.state, 'closed')
})

test('held open it refuses whatever comes, and comes back by a probe', async (t) => {
  const bench = new Bench()
  bench.machine.hold('open', 60_000, 0)
  bench.now = 59_999
  t.notOk(bench.admit())
  bench.now = 60_000
  t.ok(bench.admit())
  t.notOk(bench.admit(), 'one at a time')
})

test('held closed it lets all through until its time is over, and goes by the evidence then', async (t) => {
  const bench = new Bench()
  bench.machine.hold('closed', 10_000, 0)
  bench.fail(50)
  t.equal(bench.machine.state, 'closed')
  bench.now = 10_000
  bench.fail(1)
  t.equal(bench.machine.state, 'open')
  bench.machine.hold('closed', 20_000, bench.now)
  t.equal(bench.machine.state, 'closed')
  bench.machine.hold('auto', 0, bench.now)
  bench.fail(5)
  t.equal(bench.machine.state, 'open')
})

test('after it closed it lets in few at once, half as many more with each round', async (t) => {
  const bench = new Bench()
  const crowd = Array.from({ length: 100 }, () => bench.admit())
  t.ok(crowd.every((serial) => serial > 0))
  crowd.forEach((serial) => bench.machine.settle(serial, 'fail', bench.now))
  t.equal(bench.machine.state, 'open')
  bench.now += 2_000
  for (let i = 0; i < 3; i++) bench.probe('ok')
  const rounds: number[] = []
  for (let round = 0; round < 9; round++) {
    const inside = Array.from({ length: 1000 }, () => bench.admit()).filter((serial) => serial > 0)
    rounds.push(inside.length)
    bench.now += 10
    inside.forEach((serial) => bench.machine.settle(serial, 'ok', bench.now))
  }
  t.equal(rounds[0], 3)
  for (let i = 1; i < 8; i++) t.ok((rounds[i] as number) <= 1.5 * (rounds[i - 1] as number) + 1, rounds.join(' '))
  t.ok((rounds[8] as number) > 60, rounds.join(' '))
})

test('a ramp ends by itself, also when nothing succeeds or fails', async (t) => {
  const bench = new Bench()
  bench.fail(4)
  bench.now += 2_000
  for (let i = 0; i < 3; i++) bench.probe('ok')
  while (bench.admit() > 0);
  bench.now += 2_001
  t.ok(bench.admit() > 0)
})

test('a probe that never ends costs its lease, and a longer one each time', async (t) => {
  const bench = new Bench()
  bench.fail(4)
  const leases: number[] = []
  for (let i = 0; i < 3; i++) {
    bench.now += 60_000
    t.ok(bench.admit() > 0)
    const from = bench.now
    while (bench.machine.state === 'half-open') { bench.now += 100; bench.admit() }
    leases.push(Math.round((bench.now - from) / 1000))
    t.equal(bench.machine.reason, 'probe-silent')
  }
  t.strictSame(leases, [10, 20, 40])
})

test('a body that broke takes back what its head had said', async (t) => {
  const bench = new Bench()
  bench.fail(4)
  bench.now += 2_000
  const probe = bench.admit()
  bench.machine.settle(probe, 'ok', bench.now)
  bench.machine.spoil(probe, bench.now)
  t.equal(bench.machine.state, 'open')
  const other = new Bench()
  for (let i = 0; i < 20; i++) {
    const serial = other.admit()
    if (serial === 0) break
    other.machine.settle(serial, 'ok', other.now)
    other.machine.spoil(serial, other.now)
    other.machine.spoil(serial, other.now)
    other.machine.spoil(serial, other.now)
  }
  t.equal(other.machine.state, 'open')
})

test('status says what it is, why and since when', async (t) => {
  const bench = new Bench()
  bench.now = 5_000
  bench.fail(4)
  bench.now = 5_500
  t.match(bench.machine.inspect(bench.now), {
    state: 'open', reason: 'failures', sinceSeconds: 0.5, evidence: '0.0 of 0.0 failed', probeInSeconds: Number,
  })
})

test('new numbers do not close it', async (t) => {
  const bench = new Bench()
  bench.fail(4)
  bench.machine.configure({ rule: new FailureEvidence(), probes: 1, openForMs: 100 })
  t.equal(bench.machine.state, 'open')
})
