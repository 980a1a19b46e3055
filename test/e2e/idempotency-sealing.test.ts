// Answers at rest under a key file, through real processes and the embedded store: nothing of them can be read in its
// folder, keys are changed without losing an answer, and what cannot be opened any more is never executed again.

import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { codeOf } from '../support/asking.ts'
import { chargingService } from '../support/charging-service.ts'
import { charge, keyedBefore } from '../support/keyed-service.ts'
import { root, Running, startSeawall, temporaryFolder } from '../support/seawall.ts'

/** Everything in a folder, as latin1. */
function bytesIn(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile()).map((path) => readFileSync(path, 'latin1')).join('\n')
}

test('with a key file no answer is readable at rest, and keys are changed by putting a new one on top', async (t) => {
  const service = await chargingService(t)
  const folder = temporaryFolder(t)
  const [path, keyFile] = [join(folder, 'records'), join(folder, 'keys')]
  const [older, newer] = [randomBytes(32).toString('hex'), randomBytes(32).toString('base64')]
  const start = (encryption?: object): ReturnType<typeof startSeawall> =>
    startSeawall(t, keyedBefore(service, path, { store: { encryption }, top: { drain: { delay: 0 } } }))

  const plain = await start()
  await charge(plain, 'plain')
  await plain.stop('SIGTERM')
  t.match(bytesIn(path), '/charges/ch_1', 'what is not sealed can be read')

  writeFileSync(keyFile, `# first\n${older}\n`)
  const sealed = await start({ keyFile })
  const first = await charge(sealed, 'sealed')
  t.equal((await charge(sealed, 'plain')).headers['idempotency-replayed'], 'true', 'what was there is still told')
  await sealed.stop('SIGTERM')
  t.match(bytesIn(path), '/charges/ch_1')
  t.notMatch(bytesIn(path), '/charges/ch_2')

  writeFileSync(keyFile, `${newer}\n\n${older}\n`)
  const changed = await start({ keyFile })
  t.equal((await charge(changed, 'sealed')).body, first.body)
  await charge(changed, 'later')
  await changed.stop('SIGTERM')

  writeFileSync(keyFile, newer)
  const without = await start({ keyFile })
  const lost = await charge(without, 'sealed')
  t.strictSame([lost.status, codeOf(lost)], [503, 'idempotency.store-unavailable'], 'its key is gone too early')
  t.equal((await charge(without, 'later')).headers['idempotency-replayed'], 'true')
  t.equal(service.ledger.length, 3, 'and nothing is executed for it')
  t.notMatch(without.stderr + without.stdout + changed.stderr, newer)
})

test('a key file that is missing or none keeps the process from starting, and nothing of it is said', async (t) => {
  const service = await chargingService(t)
  const folder = temporaryFolder(t)
  const [file, keyFile] = [join(folder, 'seawall.json'), join(folder, 'keys')]
  const keyed = keyedBefore(service, './records', { store: { encryption: { keyFile: './keys' } } })
  const configuration = { version: 1, admin: { listen: '127.0.0.1:0' }, ...keyed }
  writeFileSync(file, JSON.stringify(configuration).replaceAll('PORT:public', '0'))
  for (const text of [null, '# nothing\n', 'short-but-secret\n']) {
    if (text !== null) writeFileSync(keyFile, text)
    const running = new Running(process.execPath, [join(root, 'proxy/seawall.mjs'), 'run', '--config', file], {
      cwd: folder,
    })
    t.teardown(() => running.stop('SIGKILL'))
    t.strictSame(await running.finished, { code: 1, signal: null })
    t.match(running.stderr, /^Cannot (?:read|use) the key file /m)
    t.notMatch(running.stderr, /short-but-secret/)
  }
})
