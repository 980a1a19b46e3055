import { test } from 'tap'
import type { Answer, Outcome, Refused } from '../core/outcome.ts'
import type { Gate } from '../core/policy.ts'
import { Scope, WAIT } from '../core/scope.ts'
import type { GateRun, Verdict } from '../core/scope.ts'
import { fuse } from './gates.ts'

class Visit extends Scope {
  readonly decisions: (null | Answer)[] = []
  constructor(gates: GateRun) { super(gates, 0) }
  override decided(verdict: null | Answer): void { this.decisions.push(verdict) }
}

const no: Refused = { kind: 'refused', by: 'shed', code: 'shed.limit', status: 503, retryAfterMs: 0 }
const done: Outcome = { kind: 'tunnel' }

/** A gate that says `verdict` and writes into `log` whatever it is told. */
function scripted(name: string, log: string[], verdict: Verdict, changed: null | Answer = null): Gate<Visit> {
  return {
    name: 'shed',
    admit: () => { log.push(`admit ${name}`); return verdict },
    judge: () => { log.push(`judge ${name}`) },
    release: () => { log.push(`release ${name}`) },
    cancel: () => { log.push(`cancel ${name}`) },
    recheck: () => { log.push(`recheck ${name}`); return changed },
  }
}

function run(...gates: Gate<Visit>[]): Visit {
  return new Visit(fuse(gates.map((gate) => ({ gate, shadow: false }))))
}

test('gates are entered in order and released in reverse', async (t) => {
  const log: string[] = []
  const visit = run(scripted('a', log, null), scripted('b', log, null))
  t.equal(visit.gates.enter(visit, 0), null)
  visit.gates.judge(visit, done, 1)
  visit.gates.release(visit, 2)
  t.strictSame(log, ['admit a', 'admit b', 'judge a', 'judge b', 'release b', 'release a'])
})

test('a refusal stops the walk, and only the gates passed are judged and released', async (t) => {
  const log: string[] = []
  const visit = run(scripted('a', log, null), scripted('b', log, no), scripted('c', log, null))
  t.equal(visit.gates.enter(visit, 0), no)
  visit.gates.judge(visit, no, 0)
  visit.gates.release(visit, 0)
  t.strictSame(log, ['admit a', 'admit b', 'judge a', 'release a'])
})

test('a scope is judged once and released once, however often its end is told', async (t) => {
  const log: string[] = []
  const visit = run(scripted('a', log, null))
  visit.gates.enter(visit, 0)
  for (let i = 0; i < 3; i++) visit.gates.judge(visit, done, i)
  for (let i = 0; i < 3; i++) visit.gates.release(visit, i)
  t.strictSame(log, ['admit a', 'judge a', 'release a'])
})

test('after a wait the gates already passed are asked again, and the walk goes on behind the wait', async (t) => {
  const log: string[] = []
  const visit = run(scripted('a', log, null), scripted('b', log, WAIT), scripted('c', log, null))
  t.equal(visit.gates.enter(visit, 0), WAIT)
  visit.gates.proceed(visit, null, 5)
  t.strictSame(log, ['admit a', 'admit b', 'recheck a', 'admit c'])
  t.strictSame(visit.decisions, [null])
  visit.gates.release(visit, 9)
  t.strictSame(log.slice(4), ['release c', 'release b', 'release a'])
})

test('what changed during a wait refuses, and the gate that let in is released', async (t) => {
  const log: string[] = []
  const visit = run(scripted('a', log, null, no), scripted('b', log, WAIT), scripted('c', log, null))
  visit.gates.enter(visit, 0)
  visit.gates.proceed(visit, null, 5)
  t.strictSame(visit.decisions, [no])
  visit.gates.release(visit, 5)
  t.strictSame(log, ['admit a', 'admit b', 'recheck a', 'release b', 'release a'])
})

test('a wait that ends in a refusal does not enter the gate it waited at', async (t) => {
  const log: string[] = []
  const visit = run(scripted('a', log, null), scripted('b', log, WAIT))
  visit.gates.enter(visit, 0)
  visit.gates.proceed(visit, no, 5)
  visit.gates.release(visit, 5)
  t.strictSame(visit.decisions, [no])
  t.strictSame(log, ['admit a', 'admit b', 'release a'])
})

test('a scope that leaves the line is cancelled there, and a later call to go on does nothing', async (t) => {
  const log: string[] = []
  const visit = run(scripted('a', log, null), scripted('b', log, WAIT), scripted('c', log, null))
  visit.gates.enter(visit, 0)
  visit.gates.leaveLine(visit, 3)
  visit.gates.leaveLine(visit, 4)
  visit.gates.proceed(visit, null, 5)
  t.strictSame(visit.decisions, [])
  t.strictSame(log, ['admit a', 'admit b', 'cancel b'])
})

test('a second call to go on does nothing', async (t) => {
  const log: string[] = []
  const visit = run(scripted('a', log, WAIT), scripted('b', log, null))
  visit.gates.enter(visit, 0)
  visit.gates.proceed(visit, null, 5)
  visit.gates.proceed(visit, null, 6)
  t.strictSame(visit.decisions, [null])
  t.strictSame(log, ['admit a', 'admit b'])
})

test('one wait can follow another', async (t) => {
  const log: string[] = []
  const visit = run(scripted('a', log, WAIT), scripted('b', log, WAIT))
  visit.gates.enter(visit, 0)
  visit.gates.proceed(visit, null, 5)
  t.strictSame(visit.decisions, [])
  visit.gates.proceed(visit, null, 6)
  t.strictSame(visit.decisions, [null])
})

test('a gate that only observes is told so, and is not asked again', async (t) => {
  const seen: boolean[] = []
  const log: string[] = []
  const observing: Gate<Visit> = {
    ...scripted('a', log, null, no),
    admit: (_scope, _now, shadow) => { seen.push(shadow); return null },
  }
  const visit = new Visit(fuse([
    { gate: observing, shadow: true }, { gate: scripted('b', log, WAIT), shadow: false },
  ]))
  visit.gates.enter(visit, 0)
  visit.gates.proceed(visit, null, 1)
  t.strictSame(seen, [true])
  t.strictSame(visit.decisions, [null])
})
