import { test } from 'tap'
import type { Clock } from './clock.ts'
import { allAtOnce, turnByTurn } from './steps.ts'
import type { Steps } from './steps.ts'

/** Each piece takes `pieceMs` of a clock that work and rests move; `said` has the rests between them. */
function work(pieceMs: number): { readonly clock: Clock; readonly said: string[]; readonly steps: Steps<string> } {
  const said: string[] = []
  let now = 0
  const clock: Clock = {
    now: () => now, wallMs: () => 0, endOfTurn: (fire) => { fire() },
    after: (delayMs, fire) => {
      said.push(`rests ${Math.round(delayMs * 10) / 10}`)
      now += delayMs
      fire()
      return { clear() {} }
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

test('after every long piece it rests four times as long, for others to go first', async (t) => {
  const { steps, said, clock } = work(10)
  t.equal(await turnByTurn(steps, clock), 'done')
  t.strictSame(said, ['one', 'rests 40', 'two', 'rests 40', 'three', 'rests 40', 'rests 0'])
})

test('short pieces share a turn, and whoever goes on with the result has another', async (t) => {
  const { steps, said, clock } = work(0.1)
  t.equal(await turnByTurn(steps, clock), 'done')
  t.strictSame(said, ['one', 'two', 'three', 'rests 1.2'])
})

test('what the work throws rejects', async (t) => {
  function* broken(): Steps<string> {
    yield
    throw new Error('no such thing')
  }
  await t.rejects(turnByTurn(broken(), work(10).clock), { message: 'no such thing' })
})
