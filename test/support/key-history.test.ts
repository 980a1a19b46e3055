import { test } from 'tap'
import { brokenLaws } from './key-history.ts'
import type { Seen } from './key-history.ts'

const base: Seen = {
  key: 'k', fingerprint: 'f', startedAt: 0, endedAt: 10, status: 201, code: '', body: 'a', keyStatus: 'executed',
  executionId: '1',
}
const row = { id: '1', key: 'k' }
const later = (at: number, rest: Partial<Seen>): Seen => ({ ...base, startedAt: at, endedAt: at + 5, ...rest })
const unknown = { status: 409, code: 'idempotency.outcome-unknown', keyStatus: 'unknown', body: 'p', executionId: '' }
const running = { status: 409, code: 'idempotency.in-progress', keyStatus: 'in-progress', body: 'p', executionId: '' }

test('what its caller no longer waits for may be in progress as long as it likes', async (t) => {
  const timeout = { status: 504, code: 'deadline.expired', keyStatus: 'in-progress', body: 'p', executionId: '' }
  const cut = { status: 0, keyStatus: '', body: '', executionId: '' }
  const silent = { status: 503, code: 'idempotency.store-unavailable', keyStatus: 'not-processed', body: 'p' }
  for (const first of [timeout, cut, silent]) {
    t.strictSame(brokenLaws([later(0, first), later(90, running)], [row]), [])
  }
})

test('a history as it should be breaks no law', async (t) => {
  const history = [
    later(0, running), base, later(20, { keyStatus: 'replayed' }),
    later(30, { status: 503, code: 'idempotency.store-unavailable', keyStatus: 'not-processed', body: 'p' }),
    { ...later(40, unknown), key: 'other' },
    { ...later(50, { keyStatus: 'replayed', executionId: '2' }), key: 'other' },
  ]
  t.strictSame(brokenLaws(history, [row, { id: '2', key: 'other' }]), [])
})

const wrong: readonly (readonly [string, RegExp, readonly Seen[], readonly { id: string; key: string }[]])[] = [
  ['two executions', /L1/, [base], [row, { id: '2', key: 'k' }]],
  ['two different successes', /O2/, [base, later(20, { body: 'b' })], [row]],
  ['a success that nobody executed', /O3/, [base], []],
  ['in progress after a success', /L2/, [base, later(20, running)], [row]],
  ['a doubt after a success', /L2[^]*L3/, [base, later(20, unknown)], [row]],
  ['executed after a doubt', /L3/, [later(0, unknown), later(20, {})], [row]],
  ['in progress after a doubt', /L3/, [later(0, unknown), later(20, running)], [row]],
  ['in progress before anybody began', /L5/, [later(0, running), later(20, {})], [row]],
  ['in progress after it was given back', /L5/,
    [later(0, { status: 429, keyStatus: 'released', body: 'p', executionId: '' }), later(20, running)], []],
  ['executed although all were told that nothing was', /L4/,
    [later(0, { status: 503, code: 'shed.limit', keyStatus: 'not-processed' })], [row]],
  ['a first request that is told it is another', /L6/,
    [later(0, { status: 422, code: 'idempotency.key-reused', keyStatus: 'not-processed' })], []],
]

for (const [what, law, history, ledger] of wrong) {
  test(`${what} is found`, async (t) => {
    t.match(brokenLaws(history, ledger).join('\n'), law)
  })
}
