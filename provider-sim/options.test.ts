// The command's options: which source wins, and what is told about wrong ones.

import { test } from 'tap'
import { readOptions } from './options.ts'
import { complaintsOf } from './test-bench.ts'

const files: Readonly<Record<string, string>> = {
  'sim.json': JSON.stringify({ providerPorts: [1, 2], fraudPort: 3, seed: 9, timetable: [{ at: 0, behaviour: {} }] }),
  'wrong.json': JSON.stringify({ fraudPort: 70_000, fruadPort: 3 }),
  'steps.json': '[]',
  'broken.json': '{',
}

function readFile(path: string): string {
  const content = files[path]
  if (content === undefined) throw new Error(`no such file: ${path}`)
  return content
}

test('nothing given is the documented set', async (t) => {
  t.same(readOptions([], {}, readFile), {
    host: '127.0.0.1',
    providerPorts: [4000, 4001, 4002],
    fraudPort: 4100,
    webhookPort: 4200,
    ledgerPath: './data/provider-ledger.ndjson',
    seed: 1,
  })
})

test('flags go before the environment, the environment before the file', async (t) => {
  const args = ['--config', 'sim.json', '--provider-ports', '0,0,5']
  const environment = { SIM_FRAUD_PORT: '4', SIM_PROVIDER_PORTS: '7', SIM_LEDGER: '/l' }
  t.match(readOptions(args, environment, readFile), {
    providerPorts: [0, 0, 5], fraudPort: 4, webhookPort: 4200, ledgerPath: '/l', seed: 9, timetable: [{ at: 0 }],
  })
})

test('a timetable is read from its file', async (t) => {
  t.match(readOptions(['--timetable', 'steps.json'], {}, readFile), { timetable: [] })
  t.throws(() => readOptions(['--timetable', 'none'], {}, readFile), { message: /timetable must be a readable file/ })
  t.throws(() => readOptions(['--timetable', 'broken.json'], {}, readFile), { message: /timetable must be valid JSON/ })
})

test('wrong options are told by name, all at once', async (t) => {
  const args = ['--config', 'wrong.json', '--seed=-1', '--provider-ports', '1,x', '--webhook-port', '']
  const complaints = complaintsOf(() => readOptions(args, {}, readFile))
  t.match(complaints.toSorted((a, b) => a.field.localeCompare(b.field)), [
    { field: 'config.fruadPort' },
    { field: 'fraudPort', expected: 'an integer from 0 to 65535', got: '70000' },
    { field: 'providerPorts[1]', got: '"x"' },
    { field: 'seed', got: '"-1"' },
    { field: 'webhookPort', got: '""' },
  ])
  t.equal(complaints.length, 5)
  t.throws(() => readOptions(['--sed', '1'], {}, readFile), { code: 'ERR_PARSE_ARGS_UNKNOWN_OPTION' })
})

test('help is asked for by flag', async (t) => {
  t.equal(readOptions(['--help'], {}, readFile), 'help')
})
