import { test } from 'tap'
import { World } from '../../../test/sim/world.ts'

/** Counts what has reached the upstream. */
class Rehearsal extends World {
  reached = 0
  constructor(fault: readonly object[]) {
    super({ sketch: { routes: [{ name: 'all', options: { fault, breaker: 'off' } }] } })
    this.upstream.behaviour.serviceMs = () => {
      this.reached++
      return 10
    }
  }
}

const rehearsing = (...fault: readonly object[]): Rehearsal => new Rehearsal(fault)

test('a delay holds the attempt back, and counts as time of the upstream', async (t) => {
  const world = rehearsing({ delay: 200 })
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.status, 200)
  t.equal(caller.headAt, 210)
  t.equal(world.joined.record.attempts[0]?.sentAt, 0)
  t.strictSame(world.broken(), [])
})

test('a caller that leaves during a delay has never been sent', async (t) => {
  const world = rehearsing({ delay: 200 })
  const caller = world.ask()
  await world.run(100)
  caller.leave()
  await world.run(5_000)
  t.equal(world.reached, 0)
  t.strictSame(world.broken(), [])
})

test('an abort is an answer of the upstream for all who ask, and the upstream has not seen it', async (t) => {
  const world = rehearsing({ abort: 503 })
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.status, 503)
  t.equal(caller.code, null, 'not a refusal of ours')
  t.equal(world.joined.record.attempts[0]?.row, 'unmarked-503')
  t.equal(world.reached, 0)
  t.strictSame(world.broken(), [])
})

test('a reset before: nothing was sent, and nobody can know', async (t) => {
  const world = rehearsing({ reset: 'before' })
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.code, 'upstream.reset')
  t.equal(world.joined.record.exchanges[0]?.work.delivered, 'maybe')
  t.equal(world.reached, 0)
  t.strictSame(world.broken(), [])
})

test('a reset after: it was done, and the answer is lost', async (t) => {
  const world = rehearsing({ reset: 'after' })
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.code, 'upstream.reset')
  t.equal(world.joined.record.exchanges[0]?.work.delivered, 'yes')
  t.equal(world.reached, 1)
  t.strictSame(world.broken(), [])
})

test('only requests with the field are struck', async (t) => {
  const world = rehearsing({ header: 'X-Rehearse', abort: 500 })
  const [plain, marked] = [world.ask(), world.ask({ headers: ['x-rehearse', 'yes'] })]
  await world.run(5_000)
  t.strictSame([plain.status, marked.status], [200, 500])
})

test('of a share about that many are struck, and the first fault that strikes is the one', async (t) => {
  const world = rehearsing({ share: 0.3, abort: 500 }, { share: 0.5, abort: 501 })
  for (let i = 0; i < 2_000; i++) {
    world.ask()
    await world.run(world.clock.now() + 20)
  }
  const part = (status: number): number => world.callers.filter((caller) => caller.status === status).length / 2_000
  t.ok(Math.abs(part(500) - 0.3) < 0.05, String(part(500)))
  t.ok(Math.abs(part(501) - 0.35) < 0.05, String(part(501)))
})

test('observing, nobody is struck', async (t) => {
  const world = new World({ sketch: { mode: 'observe', routes: [{ options: { fault: [{ abort: 500 }] } }] } })
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.status, 200)
})
