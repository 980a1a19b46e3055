// A service that loses most of its capacity for a while, and callers that make it worse: how much is sent, and that
// everything is well again as soon as the service is.

import { test } from 'tap'
import { layeredWorld } from '../layered-world.ts'
import type { LayeredShape, LayeredWorld } from '../layered-world.ts'
import type { Script } from '../scripted-upstream.ts'
import { exponential, seededRandom } from '../seeded-random.ts'
import { seedsOf } from '../seeds.ts'

const seeds = seedsOf([1, 2, 3])

/** Eight slots, 40 ms on average: 200 a second, and a fifth of it while the fault lasts. */
function service(seed: number, fault: { readonly fromMs: number; readonly untilMs: number }): Script {
  const dice = seededRandom(seed, 'service')
  return {
    slots: 8,
    serviceMs: ({ attempt }) => {
      const now = attempt.clock.now()
      // Log-normal with a coefficient of variation of 1: mu and sigma from mean 40.
      const normal = Math.sqrt(-2 * Math.log(1 - dice())) * Math.cos(2 * Math.PI * dice())
      const ms = Math.exp(Math.log(40) - Math.LN2 / 2 + Math.sqrt(Math.LN2) * normal)
      return now >= fault.fromMs && now < fault.untilMs ? 5 * ms : ms
    },
  }
}

for (const seed of seeds) {
  void test(`seed ${seed}: in a brownout of 30 s all attempts are at most 1.2 of the first ones`, async (t) => {
    const made = layeredWorld({
      seed, route: { retry: { maxAttempts: 3 }, deadline: { default: 1_000 }, timeouts: { attempt: 300 } },
      upstream: { limit: {}, breaker: {} }, service: service(seed, { fromMs: 10_000, untilMs: 40_000 }),
    })
    made.world.arrive({ ratePerSecond: 150, fromMs: 0, untilMs: 50_000 })
    await made.world.run(90_000)
    const { attempts } = made.world.joined.record
    const sent = attempts.filter(({ sentAt }) => sentAt >= 10_000 && sentAt < 40_000)
    const first = sent.filter(({ kind }) => kind === 'first').length
    t.ok(sent.length <= 1.2 * first, `${sent.length} attempts, ${first} first ones`)
    t.ok(first > 300, `${first} were sent at all`)
    t.strictSame(made.world.broken(), [])
  })
}

/** One who wants an answer within 300 ms, and asks three times, each time at once. */
class Insisting {
  readonly startedAt: number
  isServed = false
  readonly #made: LayeredWorld
  readonly #says: readonly string[]
  #asked = 0

  constructor(made: LayeredWorld, says: readonly string[]) {
    this.startedAt = made.world.clock.now()
    this.#made = made
    this.#says = says
    this.#ask()
  }

  #ask(): void {
    const { world } = this.#made
    this.#asked++
    const caller = world.ask({ headers: this.#says })
    const patience = world.clock.after(300, () => {
      caller.leave()
      this.#again()
    })
    const ended = (): void => {
      patience.clear()
      if (caller.status === 200) this.isServed = true
      else if (caller.end !== 'left') this.#again()
    }
    if (caller.end !== null) return ended()
    caller.afterwards = () => { world.clock.endOfTurn(ended) }
  }

  #again(): void {
    if (this.#asked < 3) this.#ask()
  }
}

/** Goodput of each second, as a part of what was asked for in it. */
function goodput(callers: readonly Insisting[], seconds: number): number[] {
  return Array.from({ length: seconds }, (_, second) => {
    const those = callers.filter(({ startedAt }) => Math.floor(startedAt / 1000) === second)
    return those.filter(({ isServed }) => isServed).length / those.length
  })
}

async function metastable(seed: number, isProtected: boolean): Promise<{ parts: number[]; made: LayeredWorld }> {
  const shield: Pick<LayeredShape, 'route' | 'upstream'> = isProtected
    ? {
      route: { retry: { maxAttempts: 3 }, deadline: { default: 300 } },
      upstream: { limit: {}, breaker: {}, bulkhead: { maxConcurrent: 12, maxWait: 50 } },
    }
    : { route: { shed: 'off' }, upstream: {} }
  const made = layeredWorld({ seed, ...shield, service: service(seed, { fromMs: 10_000, untilMs: 20_000 }) })
  const callers: Insisting[] = []
  const dice = seededRandom(seed, 'insisting')
  const next = (): void => {
    if (made.world.clock.now() >= 40_000) return
    callers.push(new Insisting(made, isProtected ? ['x-request-timeout-ms', '300'] : []))
    made.world.clock.after(exponential(dice, 1000 / 180), next)
  }
  next()
  await made.world.run(80_000)
  return { parts: goodput(callers, 40), made }
}

const mean = (list: readonly number[]): number => list.reduce((sum, part) => sum + part, 0) / list.length
const shown = (parts: readonly number[]): string => parts.map((part) => part.toFixed(2)).join(' ')

for (const seed of seeds) {
  void test(`seed ${seed}: callers that ask three times do not keep the service down after a fault`, async (t) => {
    const { parts, made } = await metastable(seed, true)
    t.ok(mean(parts.slice(3, 10)) >= 0.95, `before: ${shown(parts.slice(0, 10))}`)
    t.ok(mean(parts.slice(23)) >= 0.95, `three seconds after the fault: ${shown(parts.slice(20))}`)
    t.ok(Math.min(...parts.slice(23)) >= 0.85, `and in no second much worse: ${shown(parts.slice(20))}`)
    t.strictSame(made.world.broken(), [])
  })
}

test('without protection the same callers keep the same service down, or the scenario proves nothing', async (t) => {
  const { parts } = await metastable(1, false)
  t.ok(mean(parts.slice(5, 10)) >= 0.9, `before: ${shown(parts.slice(0, 10))}`)
  t.ok(mean(parts.slice(30)) < 0.1, `twenty seconds after the fault: ${shown(parts.slice(20))}`)
})

