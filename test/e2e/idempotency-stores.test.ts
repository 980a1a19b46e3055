// What a store does not promise, seen from outside: two replicas with one each, one that forgets, one that cannot be
// had; and that nothing of a key or a body is told on the way.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { ask } from '../support/asking.ts'
import { chargingService } from '../support/charging-service.ts'
import { charge, keyedBefore } from '../support/keyed-service.ts'
import { root, Running, startSeawall, temporaryFolder } from '../support/seawall.ts'

test('two replicas with a store each protect nothing of each other: the ledger has two rows', async (t) => {
  const service = await chargingService(t)
  const one = await startSeawall(t, keyedBefore(service, './records'))
  const two = await startSeawall(t, keyedBefore(service, "./records"))
  await charge(one, 'k-1')
  await charge(two, 'k-1')
  t.equal(service.rowsOf('k-1'), 2)
  t.match(one.stderr, /idempotency\.store-is-local/, 'and the start says so')
})

test('case 36: with the memory store a restart forgets, as its start says', async (t) => {
  const service = await chargingService(t)
  const store = { type: 'memory' }
  const seawall = await startSeawall(t, keyedBefore(service, './unused', { store }))
  await charge(seawall, 'k-1')
  t.ok(await seawall.until(/a restart forgets every key/))
  await seawall.stop('SIGKILL')
  const next = await startSeawall(t, keyedBefore(service, './unused', { store }))
  await charge(next, 'k-1')
  t.equal(service.rowsOf('k-1'), 2)
})

test('a store that cannot be opened keeps the process from starting, with one line that says why', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'records'), 'not a folder')
  const service = await chargingService(t)
  const file = join(folder, 'seawall.json')
  const configuration = { version: 1, admin: { listen: '127.0.0.1:0' }, ...keyedBefore(service, './records') }
  writeFileSync(file, JSON.stringify(configuration).replaceAll('PORT:public', '0'))
  const args = [join(root, 'proxy/seawall.mjs'), 'run', '--config', file]
  const running = new Running(process.execPath, args, { cwd: folder })
  t.teardown(() => running.stop('SIGKILL'))
  const { code } = await running.finished
  t.equal(code, 1)
  t.match(running.stderr, /^Cannot open the idempotency store: /m)
})

test('keys, bodies and credentials appear in no log line and no metric', async (t) => {
  const service = await chargingService(t)
  const top = { accessLog: 'all', drain: { delay: 0 } }
  const seawall = await startSeawall(t, keyedBefore(service, './records', { top }))
  await charge(seawall, 'very-secret-key', '{"secret":"body-of-a-card"}')
  await charge(seawall, 'very-secret-key', '{"secret":"another"}')
  const metrics = await ask(seawall.ports['admin'] as number, '/metrics')
  t.match(metrics.body, /seawall_idempotency_total\{[^}]*result="executed"[^}]*\} 1/)
  t.match(metrics.body, /seawall_store_up\{[^}]*\} 1/)
  t.match(metrics.body, /seawall_idempotency_records\{[^}]*state="done"[^}]*\}/)
  await seawall.stop('SIGTERM')
  for (const text of [seawall.stdout, seawall.stderr, metrics.body]) t.notMatch(text, /very-secret-key|body-of-a-card/)
})
