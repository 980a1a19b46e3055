// The lingering close: nothing of an answer is lost to a peer that takes its time, and nobody keeps a socket for ever.

import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { once } from 'node:events'
import { test } from 'tap'
import type { Test } from 'tap'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { turn } from './fixtures/turn.ts'
import { Linger } from './linger.ts'

/** More than two kernels keep between them. */
const answer = Buffer.alloc(32 * 1024 * 1024, 97)

/** Two ends of a connection; `peer` does not read until it is resumed. */
async function pair(t: Test): Promise<{ socket: Socket, peer: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const peer = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  const [socket] = await once(server, 'connection') as [Socket]
  t.teardown(() => {
    for (const end of [socket, peer]) end.destroy()
    server.close()
  })
  return { socket, peer }
}

test('the time of a close begins when the answer has left, however slowly it is read', async (t) => {
  const { socket, peer } = await pair(t)
  const clock = new VirtualClock()
  const linger = new Linger(socket, clock)
  socket.on('close', () => linger.stop())
  socket.write(answer)
  linger.begin()
  await clock.run(30_000)
  t.equal(linger.isUnderWay, true)
  t.equal(socket.destroyed, false, 'the peer has not read yet')
  let received = 0
  peer.on('data', (chunk: Buffer) => { received += chunk.length })
  await once(peer, 'end')
  t.equal(received, answer.length)
  while (clock.pending === 0) await turn()
  await clock.run(31_001)
  t.equal(socket.destroyed, true, 'a peer that never closes its side')
})

test('a peer that breaks while it lingers leaves no timer behind', async (t) => {
  const { socket, peer } = await pair(t)
  const clock = new VirtualClock()
  const linger = new Linger(socket, clock)
  socket.on('error', () => {})
  socket.on('close', () => linger.stop())
  socket.write(answer)
  linger.begin()
  peer.resetAndDestroy()
  while (!socket.closed) await turn()
  t.equal(clock.pending, 0)
})
