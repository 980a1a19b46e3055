import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { PassThrough, Writable } from 'node:stream'
import { test } from 'tap'
import type { Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import { PerTurn } from '../upstream/fixtures/leaf-bodies.ts'
import { turn } from './fixtures/turn.ts'
import { takeTurns } from './tunnel-turns.ts'

const bytes = 6 * 2 ** 20

/** A socket that has so much to read, as fast as it is asked for. */
async function fullSocket(t: Test): Promise<Socket> {
  const server = createServer((socket) => { socket.end(Buffer.alloc(bytes, 'x')) }).listen(0, '127.0.0.1')
  t.teardown(() => { server.close() })
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').pause()
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

test('a fast tunnel leaves the others their turns', async (t) => {
  const from = await fullSocket(t)
  const inTurn = new PerTurn()
  const to = new Writable({ write: (chunk: Buffer, _encoding, done) => { inTurn.write(chunk); done() } })
  takeTurns(from, to, systemClock)
  from.pipe(to)
  await once(to, 'finish')
  t.equal(inTurn.bytes, bytes)
  t.ok(inTurn.mostInTurn <= 3 * 64 * 1024, `${inTurn.mostInTurn / 1024} KiB in one turn`)
})

test('who takes slowly is not sent more than before', async (t) => {
  const from = await fullSocket(t)
  const waiting: (() => void)[] = []
  let taken = 0
  const to = new Writable({ write: (chunk: Buffer, _encoding, done) => {
    taken += chunk.length
    waiting.push(done)
  } })
  takeTurns(from, to, systemClock)
  from.pipe(to)
  for (let turns = 0; turns < 200; turns++) await turn()
  t.ok(to.writableLength <= 4 * 64 * 1024, `${to.writableLength / 1024} KiB wait`)
  const isLeft = (): boolean => taken < bytes
  while (isLeft()) {
    waiting.shift()?.()
    t.ok(to.writableLength <= 4 * 64 * 1024)
    await turn()
  }
})

test('what is put back before the pipe stands is not lost', async (t) => {
  const [from, to] = [new PassThrough(), new PassThrough({ encoding: 'utf8' })]
  takeTurns(from, to, systemClock)
  from.unshift('came with the 101, ')
  from.pipe(to)
  from.end('and came after it')
  await once(to, 'readable')
  await turn()
  t.equal(to.read(), 'came with the 101, and came after it')
})
