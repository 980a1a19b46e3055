import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'tap'
import { systemClock } from './clock.ts'

test('what arrived while a timer held up the loop is read before the timers that elapsed meanwhile', async (t) => {
  let far: Socket | null = null
  const server = createServer((socket) => { far = socket })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await new Promise((resolve) => { server.once('connection', resolve) })
  t.teardown(() => {
    near.destroy()
    server.close()
  })
  const order: string[] = []
  near.on('data', () => { order.push('answer') })
  await new Promise<void>((resolve) => {
    systemClock.after(40, () => {
      order.push('timeout')
      resolve()
    })
    systemClock.after(5, () => {
      far?.write('in time')
      const until = systemClock.now() + 200
      while (systemClock.now() < until) { /* Stands still. */ }
    })
    // The wheel keeps no process alive.
    setTimeout(() => {}, 1_000)
  })
  t.strictSame(order, ['answer', 'timeout'])
})
