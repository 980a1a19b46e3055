import { test } from 'tap'
import { configurationOf } from '../../test/support/plans.ts'
import type { Announcement } from '../core/announce.ts'
import { systemClock } from '../core/clock.ts'
import type { Clock } from '../core/clock.ts'
import type { Configuration } from '../core/configuration.ts'
import type { Steps } from '../core/steps.ts'
import { Reloader } from './reload.ts'
import type { Read } from './reload.ts'

/** Its timers keep nothing alive, and these tests have nothing else: a rest is a turn. */
const clock: Clock = {
  ...systemClock,
  after: (_delayMs, fire) => {
    systemClock.endOfTurn(fire)
    return { clear() {} }
  },
}

type Loaded = { readonly configuration: Configuration }
const configuration = (hash: string): Configuration => ({ ...configurationOf({}), hash })

function reloader(reads: readonly Read<Loaded>[], fails = false): {
  subject: Reloader<Loaded>; reload: () => ReturnType<Reloader<Loaded>['reload']>
  said: Announcement[]; counted: string[]; inForce: () => string
} {
  const said: Announcement[] = []
  const counted: string[] = []
  let current = configuration('one')
  let next = 0
  function* read(): Steps<Read<Loaded>> {
    const found = reads[next++] as Read<Loaded>
    yield
    return found
  }
  const subject = new Reloader<Loaded>({
    read, clock,
    apply: async (loaded) => {
      await Promise.resolve()
      if (fails) throw new Error('Cannot listen on 127.0.0.1:1')
      current = loaded.configuration
    },
    current: () => current, announce: (one) => { said.push(one) }, count: (result) => { counted.push(result) },
  })
  return { subject, reload: () => subject.reload('SIGHUP'), said, counted, inForce: () => current.hash }
}

const valid = (hash: string): Read<Loaded> => ({ isValid: true, loaded: { configuration: configuration(hash) } })

test('a valid file is put in force and named', async (t) => {
  const { reload, said, counted, inForce } = reloader([valid('two')])
  t.strictSame(await reload(), { isApplied: true, hash: 'two', isChanged: true })
  t.equal(inForce(), 'two')
  t.strictSame(counted, ['applied'])
  t.equal(said[0]?.what, 'configuration-applied')
})

test('a bad file changes nothing and says every fault', async (t) => {
  const { reload, said, counted, inForce } = reloader([{ isValid: false, faults: ['a', 'b'] }])
  t.strictSame(await reload(), { isApplied: false, faults: ['a', 'b'] })
  t.equal(inForce(), 'one')
  t.strictSame(counted, ['rejected'])
  t.strictSame(said[0], { what: 'configuration-rejected', reason: 'SIGHUP', faults: ['a', 'b'] })
})

test('what cannot be put in force is rejected like a bad file', async (t) => {
  const { reload, counted, inForce } = reloader([valid('two')], true)
  t.strictSame(await reload(), { isApplied: false, faults: ['Cannot listen on 127.0.0.1:1'] })
  t.equal(inForce(), 'one')
  t.strictSame(counted, ['rejected'])
})

test('the same again is no change', async (t) => {
  const { reload, counted } = reloader([valid('one')])
  t.strictSame(await reload(), { isApplied: true, hash: 'one', isChanged: false })
  t.strictSame(counted, ['unchanged'])
})

test('reloads asked for at once happen one after the other', async (t) => {
  const { reload, inForce } = reloader([valid('two'), valid('three')])
  const results = await Promise.all([reload(), reload()])
  t.strictSame(results.map((result) => result.isApplied && result.hash), ['two', 'three'])
  t.equal(inForce(), 'three')
})

test('who waits at the end is told at once, and nothing is put in force any more', async (t) => {
  const { subject, reload, inForce, counted } = reloader([valid('two'), valid('three')])
  const waiting = [reload(), reload()]
  const closing = subject.close()
  const over = { isApplied: false as const, faults: ['this instance is ending: nothing is put in force any more'] }
  t.strictSame(await Promise.all(waiting), [over, over])
  t.strictSame(await reload(), over)
  await closing
  while (counted.length < 2) await new Promise((resolve) => { setImmediate(resolve) })
  t.equal(inForce(), 'one')
  t.strictSame(counted, ['rejected', 'rejected'])
})
