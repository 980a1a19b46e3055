// Keys on a disk that is full, through a real process: a small disk of its own, in a mount namespace that goes with it.

import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import type { Test } from 'tap'
import { codeOf, eventually } from '../support/asking.ts'
import { charge, keyedBefore } from '../support/keyed-service.ts'
import { startSeawall, temporaryFolder } from '../support/seawall.ts'

const canMount = spawnSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0

/** Charges at once, save that the first answer comes when it is told to. */
async function firstHeld(t: Test): Promise<{ url: string; charged: string[]; answerFirst: () => void }> {
  const charged: string[] = []
  const { promise: held, resolve: answerFirst } = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const count = charged.push(String(request.headers['idempotency-key']))
      void (count === 1 ? held : Promise.resolve()).then(() => { response.writeHead(201).end(`charge ${count}`) })
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, charged, answerFirst }
}

test('case 47: on a full disk nothing new is sent, what is known is told, and all is well when there is room', {
  skip: canMount ? false : 'no user namespaces here, so no small disk can be made', timeout: 90_000,
}, async (t) => {
  const service = await firstHeld(t)
  const mount = temporaryFolder(t)
  const by = ['unshare', '-Urm', 'sh', '-c', `mount -t tmpfs -o size=2m tmpfs ${mount} && exec "$@"`, 'sh']
  const seawall = await startSeawall(t, keyedBefore(service as never, join(mount, 'records')), { by })
  const busy = charge(seawall, 'busy')
  await eventually('the service works', () => service.charged.length === 1)
  const before = await charge(seawall, 'before')
  t.equal(before.status, 201)

  // As the process sees it.
  const disk = `/proc/${seawall.child.pid}/root${mount}`
  const { bavail, bsize } = statfsSync(disk)
  t.ok(bavail * bsize < 2 * 1_048_576, 'its own small disk')
  writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize))
  let refused = before
  const told: string[] = []
  for (let i = 0; i < 3_000 && refused.status !== 503; i++) {
    refused = await charge(seawall, `new-${i}`)
    if (refused.status === 201) told.push(`new-${i}`)
  }
  t.equal(codeOf(refused), 'idempotency.store-full')
  t.equal(refused.headers['idempotency-status'], 'not-processed')
  t.ok(refused.headers['retry-after'])
  t.strictSame(service.charged, ['busy', 'before', ...told], 'nothing was sent for whom the disk had no room')

  service.answerFirst()
  const answered = await busy
  t.strictSame([answered.status, answered.body, answered.headers['idempotency-status']],
    [201, 'charge 1', 'unrecorded'], 'what was executed is told')
  t.equal((await charge(seawall, 'busy')).body, 'charge 1', 'and told again, from here')
  t.equal((await charge(seawall, 'before')).body, before.body, 'what is on record is read')

  rmSync(join(disk, 'filler'))
  await eventually('there is room again', async () => (await charge(seawall, 'after')).status === 201)
  t.equal((await charge(seawall, 'after')).headers['idempotency-replayed'], 'true')
  for (const key of ['busy', 'before', ...told.slice(-5)]) {
    t.equal((await charge(seawall, key)).headers['idempotency-replayed'], 'true', key)
  }
  t.equal(service.charged.filter((key) => key === 'after').length, 1)
  t.strictSame(service.charged.filter((key) => key !== 'after'), ['busy', 'before', ...told])
})
