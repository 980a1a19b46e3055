// The laws of a breaker, as functions that say what broke ('' for nothing), so that the machine and its mutants can be
// held against the same ones.

import { BreakerMachine } from '../../proxy/algorithms/breaker-machine.ts'
import type { BreakerReason, BreakerSettings, BreakerState } from '../../proxy/algorithms/breaker-machine.ts'
import { FailureEvidence } from '../../proxy/algorithms/failure-evidence.ts'
import type { Lesson } from '../../proxy/core/outcome-matrix.ts'
import { seededRandom } from './seeded-random.ts'

type Changed = (to: BreakerState, reason: BreakerReason, now: number) => void

/** What the laws ask of a breaker. */
export type MachineLike = Pick<BreakerMachine, 'admit' | 'settle' | 'state' | 'retryInMs'>
export type MakeMachine = (settings: BreakerSettings, changed: Changed) => MachineLike

/** A breaker with a clock, and calls that number themselves. */
export class Bench<M extends MachineLike = BreakerMachine> {
  now = 0
  readonly machine: M
  readonly changes: BreakerState[] = []
  #serial = 0

  constructor(settings: Partial<BreakerSettings> = {}, make?: MakeMachine) {
    const full: BreakerSettings = { rule: new FailureEvidence(), probes: 3, openForMs: null, ...settings }
    const changed: Changed = (to) => { this.changes.push(to) }
    const made = make?.(full, changed) ?? new BreakerMachine(full, seededRandom(1), 0, changed)
    this.machine = made as M
  }

  /** The serial of a call that may be made; 0: refused. */
  admit(): number {
    return this.machine.admit(++this.#serial, this.now) ? this.#serial : 0
  }

  /** A call from its beginning to this end. */
  call(lesson: Lesson['breaker'], retryAfterMs = 0): void {
    const serial = this.admit()
    if (serial > 0) this.machine.settle(serial, lesson, this.now, retryAfterMs)
  }

  fail(times: number): void {
    for (let i = 0; i < times; i++) this.call('fail')
  }

  probe(lesson: Lesson['breaker'], retryAfterMs = 0): void {
    this.call(lesson, retryAfterMs)
  }
}

/** A bench whose breaker has tripped and may be probed. */
function readyToProbe(make: MakeMachine): Bench<MachineLike> {
  const bench = new Bench<MachineLike>({}, make)
  bench.fail(4)
  bench.now += 2_000
  return bench
}

function said(isKept: boolean, what: string): string { return isKept ? '' : what }

/** By name, as sentences. */
export const breakerLaws: Readonly<Record<string, (make: MakeMachine) => string>> = {
  'half-open lets a thousand callers send one probe at a time': (make) => {
    const bench = readyToProbe(make)
    for (let round = 0; round < 3; round++) {
      const inside = Array.from({ length: 1000 }, () => bench.admit()).filter((serial) => serial > 0)
      if (inside.length !== 1) return `${inside.length} at once in round ${round}`
      bench.now += 50
      bench.machine.settle(inside[0] as number, 'ok', bench.now)
    }
    return said(bench.machine.state === 'closed', `it is ${bench.machine.state} after three good probes`)
  },
  'S15: the endings of calls from before the trip change nothing in half-open': (make) => {
    for (const lesson of ['ok', 'fail', 'ignorable'] as const) {
      const bench = new Bench<MachineLike>({}, make)
      const slow = Array.from({ length: 50 }, () => bench.admit())
      bench.fail(4)
      bench.now += 2_000
      const probe = bench.admit()
      for (const serial of slow) bench.machine.settle(serial, lesson, bench.now)
      if (bench.machine.state !== 'half-open') return `${lesson} from before made it ${bench.machine.state}`
      if (bench.admit() !== 0) return `${lesson} from before gave the probe's turn away`
      bench.machine.settle(probe, 'ok', bench.now)
    }
    return ''
  },
  'S16: a hundred cancelled probes neither close it nor take its probes away': (make) => {
    const bench = readyToProbe(make)
    for (let i = 0; i < 100; i++) {
      const serial = bench.admit()
      if (serial === 0) return `nothing probes after ${i} cancelled ones`
      bench.machine.settle(serial, i % 2 === 0 ? 'ignorable' : 'none', bench.now)
      if (bench.machine.state !== 'half-open') return `${i + 1} cancelled probes made it ${bench.machine.state}`
    }
    return ''
  },
  'a probe that hangs does not keep it half-open for ever': (make) => {
    const bench = readyToProbe(make)
    bench.admit()
    bench.now += 700_000
    bench.admit()
    bench.now += 60_000
    return said(bench.admit() > 0, 'nothing may probe any more')
  },
  'a failed probe opens it again, for longer': (make) => {
    const bench = readyToProbe(make)
    bench.probe('ok')
    bench.probe('fail')
    if (bench.machine.state !== 'open') return `it is ${bench.machine.state}`
    return said(bench.machine.retryInMs(bench.now) > 1_199, 'it is open for no longer than before')
  },
  'one good probe of three is not enough': (make) => {
    const bench = readyToProbe(make)
    bench.probe('ok')
    return said(bench.machine.state === 'half-open', `it is ${bench.machine.state}`)
  },
  'refusals of our own neither trip it nor dilute what trips it': (make) => {
    const bench = new Bench<MachineLike>({}, make)
    for (let i = 0; i < 1000; i++) bench.call('none')
    const before: string = bench.machine.state
    if (before !== 'closed') return 'refusals tripped it'
    bench.fail(4)
    const after: string = bench.machine.state
    return said(after === 'open', 'four failures after a thousand refusals did not trip it')
  },
  'S15: the endings of calls from before the trip count for nothing once it has closed': (make) => {
    const bench = new Bench<MachineLike>({}, make)
    const slow = Array.from({ length: 50 }, () => bench.admit())
    bench.fail(4)
    bench.now += 2_000
    for (let i = 0; i < 3; i++) bench.probe('ok')
    for (const serial of slow) bench.machine.settle(serial, 'fail', bench.now)
    return said(bench.machine.state === 'closed', `failures from before made it ${bench.machine.state}`)
  },
  'calls under way do not dilute what trips it': (make) => {
    const bench = new Bench<MachineLike>({}, make)
    for (let i = 0; i < 1000; i++) bench.admit()
    bench.fail(4)
    return said(bench.machine.state === 'open', 'four failures beside a thousand calls under way did not trip it')
  },
  'failures of an hour ago are forgotten': (make) => {
    const bench = new Bench<MachineLike>({}, make)
    bench.fail(3)
    bench.now += 3_600_000
    bench.fail(3)
    return said(bench.machine.state === 'closed', 'three failures and three an hour ago tripped it')
  },
  'a call that ends twice counts once for a probe': (make) => {
    const bench = readyToProbe(make)
    const probe = bench.admit()
    for (let i = 0; i < 5; i++) bench.machine.settle(probe, 'ok', bench.now)
    return said(bench.machine.state === 'half-open', `one probe made it ${bench.machine.state}`)
  },
  'closing does not let a thousand callers in at once': (make) => {
    const bench = readyToProbe(make)
    for (let i = 0; i < 3; i++) bench.probe('ok')
    const inside = Array.from({ length: 1000 }, () => bench.admit()).filter((serial) => serial > 0).length
    return said(inside <= 4, `${inside} at once after it closed`)
  },
}
