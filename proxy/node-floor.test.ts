import { test } from 'tap'
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parserFault, versionFault } from './node-floor.mjs'

const entry = join(dirname(fileURLToPath(import.meta.url)), 'seawall.mjs')

test('the floor of each line, and every line above the newest, is served', async (t) => {
  for (const version of ['22.23.2', '22.24.0', 'v24.18.1', '24.21.0', '26.5.1', '26.13.0', '27.0.0', '30.1.2']) {
    t.equal(versionFault(version), null, version)
  }
})

test('what is below, and the odd lines between, is refused with what to do', async (t) => {
  for (const version of ['12.22.12', '18.20.4', '20.20.2', '22.23.1', '23.11.0', '24.18.0', '25.9.0', '26.5.0']) {
    t.match(versionFault(version), new RegExp(`Node ${version} is not supported: needs 22.23.2, 24.18.1 or 26.5.1`))
    t.match(versionFault(version), 'npx node proxy/seawall.mjs', 'what runs as printed in the checkout')
  }
})

test('a lenient parser is refused, wherever it was asked for', async (t) => {
  t.equal(parserFault([], undefined), null)
  t.equal(parserFault(['--enable-source-maps'], '--max-old-space-size=100'), null)
  t.match(parserFault(['--insecure-http-parser'], undefined), /refuses to start/)
  t.match(parserFault([], '--trace-warnings --insecure-http-parser'), /refuses to start/)
  const run = spawnSync(process.execPath, [entry, 'schema'], {
    env: { ...process.env, NODE_OPTIONS: '--insecure-http-parser' }, encoding: 'utf8',
  })
  t.equal(run.status, 1)
  t.match(run.stderr, /^seawall: refuses to start with --insecure-http-parser/m)
})
