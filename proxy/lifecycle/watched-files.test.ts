import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { configurationOf } from '../../test/support/plans.ts'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import type { Configuration } from '../core/configuration.ts'
import { WatchedFiles } from './watched-files.ts'

test('a file that changed between its reading and its being in force is told of', async (t) => {
  const folder = t.testdir({ 'ca.pem': 'renewed meanwhile', 'tls.crt': 'certificate', 'tls.key': 'key' })
  const [ca, cert, key] = ['ca.pem', 'tls.crt', 'tls.key'].map((name) => join(folder, name)) as [string, string, string]
  const bare = configurationOf({})
  const tls = {
    ca: 'as it was read', cert: 'certificate', key: 'key', serverName: null, verifies: true, files: [ca, cert, key],
  }
  const upstreams = bare.upstreams.map((upstream) => ({ ...upstream, tls }))
  const configuration: Configuration = { ...bare, file: null, upstreams }
  const clock = new VirtualClock()
  const told: string[] = []
  const files = new WatchedFiles(clock, () => { throw new Error('is not read again') }, (path) => { told.push(path) })
  files.follow(configuration)
  while (told.length === 0 && clock.now() < 100_000) await clock.run(clock.now() + 100)
  t.strictSame(told, [ca])
  writeFileSync(key, 'another key')
  while (told.length === 1 && clock.now() < 200_000) await clock.run(clock.now() + 100)
  t.strictSame(told, [ca, key])
  files.close()
  t.equal(clock.pending, 0)
})
