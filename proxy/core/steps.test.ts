import { test } from 'tap'
import type { Clock } from './clock.ts'
import { allAtOnce, turnByTurn } from './steps.ts'
import type { Steps } from './steps.ts'

/** Each piece takes `pieceMs` of a clock that only the work moves; `said` has the turns between them. */
function work(pieceMs: number): { readonly clock: Clock; readonly said: string[]; readonly steps: Steps<string> } {
  const said: string[] = []
  let now = 0
  const clock: Clock = {
    now: () => now, wallMs: () => 0, after: () => ({ clear() {} }),
    endOfTurn: (fire) => {
      said.push('others')
      fire()
    },
  }
  function* pieces(): Steps<string> {
    for (const name of ['one', 'two', 'three']) {
      said.push(name)
      now += pieceMs
      yield
    }
    return 'done'
  }
  return { clock, said, steps: pieces() }
}

test('work that is done at once is done without a pause', (t) => {
  const { steps, said } = work(10)
  t.equal(allAtOnce(steps), 'done')
  t.strictSame(said, ['one', 'two', 'three'])
  t.end()
})

test('others go first after every long piece', async (t) => {
  const { steps, said, clock } = work(10)
  t.equal(await turnByTurn(steps, clock), 'done')
  t.strictSame(said, ['one', 'others', 'two', 'others', 'three', 'others'])
})

test('short pieces share a turn', async (t) => {
  const { steps, said, clock } = work(0.1)
  t.equal(await turnByTurn(steps, clock), 'done')
  t.strictSame(said, ['one', 'two', 'three'])
})

test('what the work throws rejects', async (t) => {
  function* broken(): Steps<string> {
    yield
    throw new Error('no such thing')
  }
  await t.rejects(turnByTurn(broken(), work(10).clock), { message: 'no such thing' })
})
