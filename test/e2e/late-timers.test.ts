// A process that stood still: its timers run before its input. Who answered in time must not be called late for that.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import { test } from 'tap'
import { ask, eventually } from '../support/asking.ts'
import { startSeawall } from '../support/seawall.ts'

const count = 100
const attemptMs = 1_500

const until = (at: number): Promise<void> => after(Math.max(0, at - performance.now()))

test('S31: a hundred answers that lie in the sockets of a loop held up for 500 ms are no timeouts', async (t) => {
  const received: number[] = []
  let answer = (): void => {}
  const held = new Promise<void>((resolve) => { answer = resolve })
  const origin = createServer((_request, response) => {
    received.push(performance.now())
    void held.then(() => response.end('in time'))
  })
  await new Promise<void>((resolve) => { origin.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { origin.close() })
  const seawall = await startSeawall(t, {
    listeners: { public: { kind: 'ingress', listen: '127.0.0.1:PORT:public' } },
    upstreams: {
      service: {
        endpoints: [`http://127.0.0.1:${(origin.address() as AddressInfo).port}`],
        limit: { initial: 2 * count }, timeouts: { attempt: attemptMs },
      },
    },
    routes: [{ name: 'all', listener: 'public', match: { path: '/*' }, upstream: 'service' }],
  })
  const port = seawall.ports['public'] as number
  const asked = Array.from({ length: count }, () => ask(port, '/'))
  await eventually('all have arrived', () => received.length === count)
  // It stands still from before the first of their timeouts until after the last.
  await until((received[0] ?? 0) + attemptMs - 700)
  seawall.child.kill('SIGSTOP')
  answer()
  await until((received.at(-1) ?? 0) + attemptMs + 100)
  seawall.child.kill('SIGCONT')
  const statuses = (await Promise.all(asked)).map(({ status }) => status)
  t.equal(statuses.filter((status) => status === 200).length, count)
})
