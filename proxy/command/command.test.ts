import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import type { Test } from 'tap'
import { startAdmin } from '../admin/admin.ts'
import type { AdminOptions } from '../admin/admin.ts'
import type { Status } from '../observe/inspect.ts'
import { bannerLines } from './banner.ts'
import { createClient } from './client.ts'
import { dispatch } from './dispatch.ts'
import type { Verbs } from './dispatch.ts'
import { drain } from './drain.ts'
import { processIo } from './environment.ts'
import { reload } from './reload.ts'
import { readRunArguments } from './run-options.ts'
import { statusText } from './status-table.ts'
import { status } from './status.ts'
import { drainHelp, reloadHelp, runHelp, statusHelp, usage } from './usage.ts'
import type { VerbIo } from './verb.ts'

interface Ran { readonly code: number; readonly out: string; readonly err: string }

const verbs: Verbs = {
  run: (args) => (args[0] === '--help' ? 0 : 1), validate: () => 3, schema: () => 0, explain: async () => 1,
  drain, reload, status,
}

async function run(args: readonly string[], change: Partial<VerbIo> = {}): Promise<Ran> {
  let out = ''
  let err = ''
  const io: VerbIo = {
    ...processIo(), stdout: (text) => { out += text }, stderr: (text) => { err += text }, env: {},
    wait: async () => {}, ...change,
  }
  const code = await dispatch(args, verbs, io, '1.2.3')
  return { code, out, err }
}

const running: Status = {
  version: '1.2.3', node: 'v24', pid: 1, uptimeSeconds: 7500, mode: 'enforce',
  configuration: { file: 'config/charge.json', hash: 'abcdef123456' },
  drain: { phase: 'serving', seconds: 0, cut: 0 },
  listeners: [{ name: 'public', kind: 'ingress', url: 'http://127.0.0.1:8080' }],
  upstreams: [{
    name: 'service', endpoints: ['http://127.0.0.1:3000', 'http://127.0.0.1:3001'],
    parts: {
      admission: {
        inFlight: 3, limit: 12.5, queuedCritical: 1, queuedDefault: 2, queuedSheddable: 4, streams: 5, tunnels: 6,
      },
      breaker: { state: 'closed', reason: 'start', sinceSeconds: 9 },
      balance: {
        'http://127.0.0.1:3000': 'in, 3 under way, 2.0 ms', 'http://127.0.0.1:3001': 'out for 4.2 s, 0 under way, 9 ms',
      },
    },
  }],
  routes: [{
    name: 'pay', upstream: 'service', mode: 'observe', parts: {
      bulkhead: { inUse: 2, ceiling: 6 }, breaker: { state: 'open', reason: 'failures', sinceSeconds: 12.5 },
      retry: { sentAgain: 0, notPaid: 4 }, slo: { objective: 0.99, budget: 0.4 },
    },
  }],
  log: { dropped: 9 },
}

async function adminOf(t: Test, change: Partial<AdminOptions> = {}): Promise<string> {
  const admin = await startAdmin({
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 }, token: null, status: () => running, configuration: () => ({}),
    readiness: () => ({ isReady: true, reasons: [] }), isStarted: () => true,
    page: { contentType: 'text/plain', read: async () => '' }, audit() {}, ...change,
  })
  t.teardown(() => admin.close())
  return admin.url
}

test('help is short, has an example, and is asked for in every usual way', async (t) => {
  const helps = { usage, run: runHelp, drain: drainHelp, reload: reloadHelp, status: statusHelp }
  for (const [verb, text] of Object.entries(helps)) {
    t.ok(text.trimEnd().split('\n').length <= 25, verb)
    t.match(text, /\nexample:\n {2}node proxy\/seawall\.mjs /, verb)
  }
  for (const args of [['--help'], ['-h'], ['help'], ['help', 'nonsense']]) {
    t.strictSame(await run(args), { code: 0, out: usage, err: '' }, args.join(' '))
  }
  for (const args of [['drain', '--help'], ['drain', '--nonsense', '-h'], ['help', 'drain']]) {
    t.strictSame(await run(args), { code: 0, out: drainHelp, err: '' }, args.join(' '))
  }
  t.strictSame(await run(['--version']), { code: 0, out: '1.2.3\n', err: '' })
})

test('a verb that does not exist is 2, and the near one is named', async (t) => {
  t.strictSame(await run([]), { code: 2, out: '', err: usage })
  const near = await run(['statsu'])
  t.equal(near.code, 2)
  t.match(near.err, 'there is no verb "statsu", did you mean status?')
  t.match((await run(['xyzzyxyzzy'])).err, 'it is one of run, validate')
  t.match((await run(['--config', 'a.json'])).err, 'did you mean "seawall run --config a.json"?')
  t.match((await run(['constructor'])).code, 2, 'names of prototypes are no verbs')
})

test('codes of the other verbs go through', async (t) => {
  t.equal((await run(['validate', 'x'])).code, 3)
  t.equal((await run(['explain'])).code, 1)
  t.equal((await run(['schema'])).code, 0)
})

test('wrong options of a verb are 2, with the near one', async (t) => {
  for (const [args, message] of [
    [['drain', '--wiat'], 'there is no option --wiat, did you mean --wait?'],
    [['status', '--admin'], '--admin needs a value'],
    [['drain', '--wait=yes'], '--wait takes no value'],
    [['reload', 'now'], 'takes no arguments, got "now"'],
    [['status', '--admin', 'nowhere'], '--admin must be HOST:PORT, http://HOST:PORT or unix:PATH, got "nowhere"'],
    [['status', '--token-file', '/does/not/exist'], 'cannot read --token-file'],
  ] as const) {
    const { code, out, err } = await run(args)
    t.strictSame([code, out], [2, ''], args.join(' '))
    t.match(err, message)
  }
})

test('an instance that is not there is 4, and the line says where it was looked for', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => { server.on('listening', resolve) })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => { server.close(resolve) })
  for (const verb of ['drain', 'reload', 'status']) {
    const { code, err } = await run([verb, '--admin', `127.0.0.1:${port}`])
    t.equal(code, 4, verb)
    t.match(err, `no admin listener answers at 127.0.0.1:${port} (ECONNREFUSED)`)
  }
  t.equal((await run(['status', '--admin', 'unix:/does/not/exist.sock'])).code, 4)
})

test('status is a table for people and JSON for machines', async (t) => {
  const admin = await adminOf(t)
  const { code, out, err } = await run(['status', '--admin', admin])
  t.strictSame([code, err], [0, ''])
  t.equal(out, [
    'seawall 1.2.3  serving  mode enforce  up 2h 5m',
    'config config/charge.json  hash abcdef123456  log lines dropped 9',
    '',
    'LISTENER  KIND     URL',
    'public    ingress  http://127.0.0.1:8080',
    '',
    'UPSTREAM  IN FLIGHT  LIMIT  QUEUED  STREAMS  TUNNELS  BREAKER  ENDPOINTS',
    'service   3          12.5   7       5        6        closed   http://127.0.0.1:3000 '
      + 'http://127.0.0.1:3001 (out for 4.2 s)',
    '',
    'ROUTE  UPSTREAM  MODE     BREAKER                NOTABLE',
    'pay    service   observe  open 12.5 s, failures  bulkhead.inUse 2 of 6  retry.notPaid 4  slo.budget 0.4',
    '',
  ].join('\n'))
  const json = await run(['status', '--json', '--admin', admin.replace('http://', '')])
  t.strictSame(JSON.parse(json.out), running)
})

test('what is as it is when all is well is not notable', async (t) => {
  const parts = { slo: { objective: 0.999, budget: 1 }, retry: { notPaid: 0 } }
  t.match(statusText({ ...running, routes: running.routes.map((route) => ({ ...route, parts })) }),
    /^pay +service +observe +-$/m)
})

test('another program at that address is 1, not a crash', async (t) => {
  for (const body of ['<html>', '{}', 'null', '{"upstreams":1}']) {
    const other = createServer((_request: IncomingMessage, response: ServerResponse) => { response.end(body) })
    await new Promise<void>((resolve) => { other.listen(0, '127.0.0.1', resolve) })
    t.teardown(() => { other.close() })
    const { code, err } = await run(['status', '--admin', `127.0.0.1:${(other.address() as AddressInfo).port}`])
    t.equal(code, 1)
    t.match(err, 'no admin listener\'s')
  }
})

test('a token is taken from a file or the environment', async (t) => {
  const admin = await adminOf(t, { token: 'secret' })
  const without = await run(['status', '--admin', admin])
  t.equal(without.code, 1)
  t.match(without.err, 'A token is needed')
  t.match(without.err, 'name the file that holds it with --token-file, or set SEAWALL_ADMIN_TOKEN\n')
  const other = await run(['status', '--admin', admin], { env: { SEAWALL_ADMIN_TOKEN: 'other' } })
  t.match(other, { code: 1, err: 'the token that was sent is another' })
  const file = join(t.testdir(), 'token')
  writeFileSync(file, 'secret\n')
  t.equal((await run(['status', '--admin', admin, '--token-file', file])).code, 0)
  t.equal((await run(['status', '--admin', admin], { env: { SEAWALL_ADMIN_TOKEN: 'secret' } })).code, 0)
})

test('drain tells the instance; --wait waits until it is gone', async (t) => {
  let calls = 0
  const still = await adminOf(t, { drain: () => ++calls === 1 })
  t.match(await run(['drain', '--admin', still]), { code: 0, err: 'draining\n' })
  t.match(await run(['drain', '--admin', still]), { code: 0, err: 'was draining already\n' })
  for (const [cut, code, words] of [[0, 0, 'gone\n'], [2, 1, 'gone; 2 exchanges were cut\n']] as const) {
    let looks = 0
    const admin = await startAdmin({
      address: { kind: 'tcp', host: '127.0.0.1', port: 0 }, token: null, configuration: () => ({}),
      status: () => ({ ...running, drain: { phase: 'refusing', seconds: 1, cut } }),
      readiness: () => ({ isReady: true, reasons: [] }), isStarted: () => true,
      page: { contentType: 'text/plain', read: async () => '' }, audit() {}, drain: () => true,
    })
    const wait = async (): Promise<void> => {
      looks += 1
      if (looks === 3) await admin.close()
    }
    const ran = await run(['drain', '--wait', '--admin', admin.url], { wait })
    t.strictSame(ran, { code, out: '', err: `draining\n${words}` })
    t.equal(looks, 3)
  }
})

test('another process at the same address means that the one before is gone', async (t) => {
  let pid = 1
  const admin = await adminOf(t, { drain: () => true, status: () => ({ ...running, pid }) })
  const wait = async (): Promise<void> => { pid = 2 }
  t.match(await run(['drain', '--wait', '--admin', admin], { wait }), { code: 0, err: 'draining\ngone\n' })
})

test('reload is 0 when applied, 3 when the file is not valid, 1 when it cannot be done', async (t) => {
  const applied = await adminOf(t, { reload: async () => ({ isApplied: true, hash: 'def', isChanged: true }) })
  t.strictSame(await run(['reload', '--admin', applied]), { code: 0, out: '', err: 'applied, hash def\n' })
  const same = await adminOf(t, { reload: async () => ({ isApplied: true, hash: 'abc', isChanged: false }) })
  t.match(await run(['reload', '--admin', same]), { code: 0, err: 'unchanged, hash abc\n' })
  const faulty = await adminOf(t, { reload: async () => ({ isApplied: false, faults: ['a.json:3:1  x  wrong'] }) })
  const { code, err } = await run(['reload', '--admin', faulty])
  t.equal(code, 3)
  t.match(err, 'a.json:3:1  x  wrong')
  const absent = await run(['reload', '--admin', await adminOf(t)])
  t.equal(absent.code, 1)
  t.match(absent.err, 'This instance has no reload yet.')
})

test('the options of run are held against each other', async (t) => {
  t.strictSame(readRunArguments(['--config', 'a.json', '--observe']), {
    kind: 'options',
    options: { source: { kind: 'file', path: 'a.json' }, listen: undefined, admin: undefined, isObserving: true },
  })
  t.match(readRunArguments(['--upstream', 'http://a', '--listen', '127.0.0.1:1', '--admin', '127.0.0.1:2']), {
    options: { source: { kind: 'upstream', url: 'http://a' }, listen: '127.0.0.1:1', admin: '127.0.0.1:2' },
  })
  t.strictSame(readRunArguments(['--help']), { kind: 'help' })
  for (const [args, message] of [
    [[], 'needs --config FILE or --upstream URL'],
    [['a.json'], 'takes no arguments, got "a.json"; a file is named with --config'],
    [['--config', 'a', '--upstream', 'b'], '--config and --upstream exclude each other'],
    [['--config', 'a', '--listen', 'b'], '--listen goes with --upstream'],
    [['--confg', 'a'], 'there is no option --confg, did you mean --config?'],
  ] as const) t.match(readRunArguments(args), { kind: 'fault', message }, args.join(' '))
})

test('a start says everything in at most eight lines of a terminal', async (t) => {
  const lines = bannerLines({
    version: '1.2.3', mode: 'observe', adminUrl: 'http://127.0.0.1:9900', probeUrl: 'http://127.0.0.1:9901',
    file: 'config/charge.json', hash: 'abcdef123456',
    listeners: [
      { name: 'public', kind: 'ingress', url: 'http://127.0.0.1:8080' },
      ...Array.from({ length: 40 }, (_, i) =>
        ({ name: `out-${i}`, kind: 'egress', url: `http://127.0.0.1:${8100 + i}` })),
    ],
    upstreams: [
      { name: 'service', endpoints: ['http://127.0.0.1:3000'] },
      { name: 'provider', endpoints: ['http://a', 'http://b'] },
    ],
  })
  t.strictSame(lines, [
    `seawall 1.2.3  mode observe (nothing is refused)  node ${process.version}  pid ${process.pid}`,
    '  ingress   public http://127.0.0.1:8080',
    '  egress    out-0 http://127.0.0.1:8100, out-1 http://127.0.0.1:8101, out-2 http://127.0.0.1:8102, and 37 more',
    '  upstream  service http://127.0.0.1:3000, provider 2 endpoints',
    '  admin     http://127.0.0.1:9900',
    '  probe     http://127.0.0.1:9901',
    '  config    config/charge.json  hash abcdef123456',
  ])
  const least = bannerLines({
    version: '1', mode: 'enforce', listeners: [], upstreams: [],
    adminUrl: 'unix:/a', probeUrl: null, file: null, hash: 'x',
  })
  t.strictSame(least.slice(1), ['  admin     unix:/a', '  config    built-in defaults  hash x'])
})

test('an admin address is HOST:PORT, a URL or a unix socket', async (t) => {
  for (const where of ['127.0.0.1:9900', 'http://localhost:9900/', '[::1]:9900', 'unix:/run/seawall.sock']) {
    t.ok(createClient(where, null), where)
  }
  for (const where of ['', 'localhost', 'https://a:1', '127.0.0.1:99999', 'unix:relative']) {
    t.equal(createClient(where, null), null, where)
  }
})
