// A handshake that came over a unix socket: what TCP offers for a break is not there, and must not end the process.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { messageOf, UpgradeCaller } from './upgrade-caller.ts'

test('an answer to a handshake over a unix socket can break off', async (t) => {
  // A path of a unix socket has to be short.
  const folder = mkdtempSync(join(tmpdir(), 'seawall-'))
  const path = join(folder, 's')
  const server = createServer().listen(path)
  await once(server, 'listening')
  const peer = connect({ path })
  const [socket] = await once(server, 'connection') as [Socket]
  t.teardown(() => {
    for (const end of [socket, peer]) end.destroy()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const head = {
    method: 'GET', target: '/', path: '/', authority: 'x', headers: [], version: 1, expectsContinue: false,
  } as const
  const caller = new UpgradeCaller(head, messageOf(head, socket), socket, Buffer.alloc(0), new VirtualClock())
  const sink = caller.answer(403, 'Forbidden', [], 100, () => {})
  sink.write(Buffer.from('begun'))
  t.doesNotThrow(() => sink.fail('upstream ended'))
  t.equal(socket.destroyed, true)
})
