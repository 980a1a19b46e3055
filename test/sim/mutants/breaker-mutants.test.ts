// The bugs of other libraries' breakers, put back one by one. Each must break the law that is named with it: a law that
// no mutant breaks proves nothing.

import { test } from 'tap'
import { BreakerMachine } from '../../../proxy/algorithms/breaker-machine.ts'
import type { Lesson } from '../../../proxy/core/outcome-matrix.ts'
import { breakerLaws } from '../breaker-bench.ts'
import type { MachineLike, MakeMachine } from '../breaker-bench.ts'
import { seededRandom } from '../seeded-random.ts'

type Settle = (serial: number, lesson: Lesson['breaker'], now: number, retryAfterMs?: number) => void

/** The real machine with some of its behaviour bent. */
function bent(
  bend: (real: BreakerMachine, own: { admitted: number }) => Partial<{ admit: MachineLike['admit']; settle: Settle }>,
): MakeMachine {
  return (settings, changed) => {
    const real = new BreakerMachine(settings, seededRandom(1), 0, changed)
    const own = { admitted: 0 }
    const { admit, settle } = bend(real, own)
    return {
      admit(serial, now) {
        const isIn = admit === undefined ? real.admit(serial, now) : admit(serial, now)
        if (isIn) own.admitted = serial
        return isIn
      },
      settle: settle ?? ((...ending) => { real.settle(...ending) }),
      get state() { return real.state },
      retryInMs: (now) => real.retryInMs(now),
    }
  }
}

/** As if it came from the probe under way. */
const asProbe = (real: BreakerMachine, own: { admitted: number }): Settle => (serial, lesson, now, after) =>
  real.settle(real.state === 'half-open' ? own.admitted : serial, lesson, now, after)

const mutants: readonly (readonly [bug: string, law: string, mutant: MakeMachine])[] = [
  ['any success that arrives while half-open counts as the probe\'s',
    'S15: the endings of calls from before the trip change nothing in half-open',
    bent((real, own) => ({ settle: asProbe(real, own) }))],
  ['the permit of a probe that was ignored is never given back',
    'S16: a hundred cancelled probes neither close it nor take its probes away',
    bent((real) => ({
      settle: (serial, lesson, now, after) => {
        if (real.state === 'half-open' && (lesson === 'ignorable' || lesson === 'none')) return
        real.settle(serial, lesson, now, after)
      },
    }))],
  ['a cancelled probe closes it',
    'S16: a hundred cancelled probes neither close it nor take its probes away',
    bent((real) => ({
      settle: (serial, lesson, now, after) =>
        real.settle(serial, real.state === 'half-open' && lesson === 'ignorable' ? 'ok' : lesson, now, after),
    }))],
  ['a probe that hangs has no lease', 'a probe that hangs does not keep it half-open for ever',
    bent((real, own) => ({
      admit: (serial, now) => real.state === 'half-open' && own.admitted > 0 ? false : real.admit(serial, now),
    }))],
  ['everybody is let in at half-open', 'half-open lets a thousand callers send one probe at a time',
    bent((real) => ({ admit: (serial, now) => real.admit(serial, now) || real.state === 'half-open' }))],
  ['refusals of a bulkhead count as failures', 'refusals of our own neither trip it nor dilute what trips it',
    bent((real) => ({
      settle: (serial, lesson, now) => { real.settle(serial, lesson === 'none' ? 'fail' : lesson, now) },
    }))],
  ['calls that were refused dilute the failures', 'refusals of our own neither trip it nor dilute what trips it',
    bent((real) => ({
      settle: (serial, lesson, now) => { real.settle(serial, lesson === 'none' ? 'ok' : lesson, now) },
    }))],
  ['an ending is counted without a look at when its call began',
    'S15: the endings of calls from before the trip count for nothing once it has closed',
    bent((real) => ({
      settle: (serial, lesson, now) =>
        real.settle(real.state === 'closed' ? Number.MAX_SAFE_INTEGER : serial, lesson, now),
    }))],
  ['calls under way count as calls that went well', 'calls under way do not dilute what trips it',
    bent((real) => ({
      admit: (serial, now) => {
        const isIn = real.admit(serial, now)
        if (isIn && real.state === 'closed') real.settle(serial, 'ok', now)
        return isIn
      },
    }))],
  ['a probe that another gate refuses opens it again',
    'S16: a hundred cancelled probes neither close it nor take its probes away',
    bent((real) => ({
      settle: (serial, lesson, now, after) =>
        real.settle(serial, real.state === 'half-open' && lesson === 'none' ? 'fail' : lesson, now, after),
    }))],
  ['time does not pass while nobody calls', 'failures of an hour ago are forgotten',
    (settings, changed) => {
      const rule = { ...settings.rule, note: (ok: number, failed: number) => settings.rule.note(ok, failed, 0),
        reset: () => { settings.rule.reset() }, describe: () => '' }
      return new BreakerMachine({ ...settings, rule }, seededRandom(1), 0, changed)
    }],
  ['closing opens the flood gates', 'closing does not let a thousand callers in at once',
    bent((real) => ({ admit: (serial, now) => real.admit(serial, now) || real.state === 'closed' }))],
]

for (const [bug, law, mutant] of mutants) {
  test(`mutant: ${bug}`, async (t) => {
    const verdict = breakerLaws[law]
    if (verdict === undefined) return t.fail(`there is no law "${law}"`)
    t.not(verdict(mutant), '', law)
  })
}
