// Explores the state machine of idempotency records whole, and breaks it on purpose to see that the explorer notices.

import { test } from 'tap'
import { explore, machine } from './explorer.ts'
import type { Exploration, Machine } from './explorer.ts'

const maxStates = 400_000

interface Scope { readonly claimants: readonly string[]; readonly copies: number; readonly hasLapses: boolean }

const two: Scope = { claimants: ['a', 'b'], copies: 2, hasLapses: true }
/** Whole, but with nothing repeated and no pauses; the long run does without these bounds. */
const three: Scope = { claimants: ['a', 'b', 'c'], copies: 1, hasLapses: false }

function run(inDoubt: 'reject' | 'retry', scope: Scope, mutant: Partial<Machine> = {}): Exploration {
  return explore({ ...scope, inDoubt, machine: { ...machine, ...mutant }, maxStates })
}

for (const inDoubt of ['reject', 'retry'] as const) {
  for (const [name, scope] of [['two claimants', two], ['three claimants', three]] as const) {
    test(`${name}, ${inDoubt}: whatever is lost, late or crashes, every promise holds`, async (t) => {
      const found = run(inDoubt, scope)
      t.equal(found.broken, null, found.history.join('\n'))
      t.ok(found.states > 1_000 && found.states < maxStates, `${found.states} states, all of them`)
      t.comment(`${found.states} states`)
    })
  }
}

interface Mutant {
  readonly name: string
  readonly inDoubt: 'reject' | 'retry'
  /** Two claimants unless it takes a third to notice. */
  readonly scope?: Scope
  readonly breaks: RegExp
  readonly mutant: Partial<Machine>
}

/** Each breaks one rule that some published library does break, and what the explorer must call it. */
const mutants: readonly Mutant[] = [
  {
    name: 'a dead owner\'s key is free', inDoubt: 'reject', breaks: /dispatched twice/,
    mutant: { asSeen: (record, now, isGone) => isGone && record?.stage.kind === 'in-flight' ? null
      : machine.asSeen(record, now, false) },
  },
  {
    name: 'a doubt is claimed again', inDoubt: 'reject', breaks: /dispatched twice|told "unknown"/,
    mutant: { decideClaim: (record, request, owner, now) =>
      machine.decideClaim(record, { ...request, inDoubt: 'retry' }, owner, now) },
  },
  {
    name: 'a doubt frees the key', inDoubt: 'reject', breaks: /dispatched twice/,
    mutant: { decideDoubt: (record, token) => machine.decideRelease(record, token) },
  },
  {
    name: 'anybody releases', inDoubt: 'reject', scope: three, breaks: /dispatched twice/,
    mutant: { decideRelease: (record) => machine.decideRelease(record, record?.token ?? '') },
  },
  {
    name: 'a doubt that was told is released', inDoubt: 'reject', scope: { ...three, hasLapses: true },
    breaks: /told "unknown", then "(taken|in-flight)"/,
    mutant: { decideRelease: (record, token) => record?.token === token && record.stage.kind !== 'done'
      ? { say: 'stored', next: null } : machine.decideRelease(record, token) },
  },
  {
    name: 'an answer is written without asking whose', inDoubt: 'retry', breaks: /done record changed|another's token/,
    mutant: { decideFinish: (record, token, answer, ttl, now) => record === null
      ? machine.decideFinish(record, token, answer, ttl, now)
      : { say: 'stored', next: { ...record, stage: { kind: 'done', answer, finishedAtMs: now } } } },
  },
  {
    name: 'an operator leaves the old token in place, and an answer is written over his', inDoubt: 'reject',
    breaks: /done record changed/,
    mutant: {
      decideResolve: (record, decision, _, ttl, now) =>
        machine.decideResolve(record, decision, record?.token ?? '', ttl, now),
      decideFinish: (record, token, answer, ttl, now) => record?.stage.kind === 'done' && record.token === token
        ? { say: 'stored', next: { ...record, stage: { kind: 'done', answer, finishedAtMs: now } } }
        : machine.decideFinish(record, token, answer, ttl, now),
    },
  },
  {
    name: 'a lost key is renewed after others were told', inDoubt: 'reject', scope: { ...three, hasLapses: true },
    breaks: /told "unknown"|dispatched twice/,
    mutant: {
      decideRenew: (record, token) => ({ say: record?.token === token ? 'stored' : 'gone', next: undefined }),
      decideRelease: (record, token) => record?.token === token ? { say: 'stored', next: null }
        : machine.decideRelease(record, token),
    },
  },
  {
    name: 'a claim does not look whether the key is held', inDoubt: 'reject', breaks: /dispatched twice/,
    mutant: { decideClaim: (_, request, owner, now) => machine.decideClaim(null, request, owner, now) },
  },
]

for (const { name, inDoubt, scope = two, breaks, mutant } of mutants) {
  test(`the explorer notices: ${name}`, async (t) => {
    const found = run(inDoubt, scope, mutant)
    t.match(found.broken, breaks)
    t.comment(found.history.join(' → '))
  })
}
