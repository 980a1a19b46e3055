import { test } from 'tap'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { FileWatch } from './file-watch.ts'

function watched(): { clock: VirtualClock; state: { text: string | null }; told: number[]; watch: FileWatch } {
  const clock = new VirtualClock()
  const state: { text: string | null } = { text: 'one' }
  const told: number[] = []
  const watch = new FileWatch({
    path: 'x', clock, initial: Buffer.from('one'), changed: () => { told.push(clock.now()) },
    read: async () => {
      if (state.text === null) throw new Error('ENOENT')
      return Buffer.from(state.text)
    },
  })
  return { clock, state, told, watch }
}

test('other content is told once, when it has stood still for two looks', async (t) => {
  const { clock, state, told, watch } = watched()
  await clock.run(5_500)
  t.strictSame(told, [], 'nothing has changed')
  state.text = 'half of tw'
  await clock.run(6_500)
  state.text = 'two'
  await clock.run(20_000)
  t.strictSame(told, [8_000])
  watch.close()
})

test('the same content again is no change, and neither is a file that is gone for a moment', async (t) => {
  const { clock, state, told, watch } = watched()
  await clock.run(2_500)
  state.text = null
  await clock.run(3_500)
  state.text = 'one'
  await clock.run(20_000)
  t.strictSame(told, [])
  watch.close()
})

test('a file that stays away is told once, and once when it is there again', async (t) => {
  const { clock, state, told, watch } = watched()
  await clock.run(2_500)
  state.text = null
  await clock.run(10_500)
  t.strictSame(told, [4_000])
  state.text = 'one'
  await clock.run(20_000)
  t.strictSame(told, [4_000, 12_000])
  watch.close()
})

test('closed, it looks no more', async (t) => {
  const { clock, watch } = watched()
  await clock.run(1_500)
  watch.close()
  t.equal(clock.pending, 0)
})
