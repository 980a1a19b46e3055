// How a process starts, or does not: what it prints, where, and with which exit code.

import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import type { Test } from 'tap'
import { ask } from '../support/asking.ts'
import { freePorts } from '../support/free-port.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { entry, inFrontOf, isReady, root, Running, temporaryFolder } from '../support/seawall.ts'

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** Runs to its end, or is stopped with the test. */
function start(t: Test, ...args: string[]): Running {
  const running = new Running(process.execPath, [entry, ...args], { cwd: temporaryFolder(t) })
  t.teardown(() => running.stop('SIGKILL'))
  return running
}

/** What it printed for people: notices go to stderr, beside the lines of the log. */
function printed({ stderr }: Running): string[] {
  return stderr.trimEnd().split('\n').filter((line) => !line.startsWith('{'))
}

function write(t: Test, text: string): string {
  const file = join(temporaryFolder(t), 'seawall.json')
  writeFileSync(file, text)
  return file
}

test('a file that is not valid never starts, and every fault is named with its line', async (t) => {
  const [admin, open] = await freePorts(2)
  const file = write(t, `{
  "version": 1,
  "admin": { "listen": "127.0.0.1:${admin}" },
  "listeners": { "public": { "kind": "ingress", "listen": "127.0.0.1:${open}" } },
  "upstreams": { "service": { "endpoints": ["http://127.0.0.1:1"], "startup": "soon" } },
  "routes": [{ "name": "all", "listener": "public", "match": { "path": "/*" }, "upstraem": "service" }],
}
`)
  const seawall = start(t, 'run', '--config', file)
  t.equal((await seawall.finished).code, 3)
  t.equal(seawall.stdout, '', 'nothing that looks like a start')
  t.match(seawall.stderr, new RegExp(`${file}:5:\\d+ `))
  t.match(seawall.stderr, new RegExp(`${file}:6:\\d+ `))
  t.match(seawall.stderr, /did you mean/i)
  await t.rejects(ask(open as number, '/'), { code: 'ECONNREFUSED' })
})

test('a file that is not there is named', async (t) => {
  const seawall = start(t, 'run', '--config', 'nowhere.json')
  t.equal((await seawall.finished).code, 3)
  t.match(seawall.stderr, /nowhere\.json/)
  t.notMatch(seawall.stderr, /\n\s+at /, 'no stack')
})

for (const taken of ['public', 'admin'] as const) {
  test(`an address that somebody else has is one clear line: ${taken}`, async (t) => {
    const holder = createServer()
    const [held, free] = await freePorts(2)
    await new Promise<void>((resolve) => { holder.listen(held, '127.0.0.1', resolve) })
    t.teardown(() => { holder.close() })
    const where = { public: `127.0.0.1:${free}`, admin: `127.0.0.1:${free}`, [taken]: `127.0.0.1:${held}` }
    if (taken === 'public') where.admin = '127.0.0.1:0'
    else where.public = '127.0.0.1:0'
    const seawall = start(t, 'run', '--upstream', 'http://127.0.0.1:1',
      '--listen', where.public, '--admin', where.admin)
    t.equal((await seawall.finished).code, 1)
    t.equal(seawall.stdout, '')
    const lines = printed(seawall)
    t.equal(lines.length, 1, seawall.stderr)
    t.match(lines[0], `127.0.0.1:${held}`)
    t.match(lines[0], /in use/i)
  })
}

test('without arguments, and with some that do not go together, it says what it wants', async (t) => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /run .*--config FILE/],
    [['run'], /--config FILE/],
    [['run', '--upstream'], /--upstream needs a value/],
    [['run', '--sideways'], /--sideways/],
    [['run', '--config', 'a', '--upstream', 'http://127.0.0.1:1'], /--config and --upstream/],
    [['run', '--config', 'a', '--listen', '127.0.0.1:1'], /--listen/],
  ]
  const started = wrong.map(([args, said]) => ({ args, said, seawall: start(t, ...args) }))
  for (const { args, said, seawall } of started) {
    t.equal((await seawall.finished).code, 2, args.join(' '))
    t.equal(seawall.stdout, '', args.join(' '))
    t.match(seawall.stderr, said, args.join(' '))
    t.notMatch(seawall.stderr, /\n\s+at /, 'no stack')
  }
})

test('of a verb that does not exist it says which may have been meant', async (t) => {
  const seawall = start(t, 'runn')
  t.equal((await seawall.finished).code, 2)
  t.equal(seawall.stdout, '')
  t.match(seawall.stderr, /"runn".*did you mean run/)
})

test('an upstream that is no address is invalid configuration', async (t) => {
  const seawall = start(t, 'run', '--upstream', 'localhost-3000')
  t.equal((await seawall.finished).code, 3)
  t.match(seawall.stderr, /--upstream/)
})

test('--upstream alone is enough, and once it has printed that it is there it serves', async (t) => {
  const origin = await rawOrigin(t, () => ok)
  const [listen, admin] = await freePorts(2)
  const seawall = start(t, 'run', '--upstream', origin.url, '--listen', `127.0.0.1:${listen}`,
    '--admin', `127.0.0.1:${admin}`)
  await seawall.until(isReady)
  const [answer, ready] = await Promise.all([ask(listen as number, '/'), ask(admin as number, '/readyz')])
  t.equal(answer.body, 'ok')
  t.equal(ready.status, 200)
  const lines = printed(seawall)
  t.ok(lines.length <= 8, `${lines.length} lines`)
  for (const fact of [`127.0.0.1:${listen}`, `127.0.0.1:${admin}`, origin.url, 'enforce']) {
    t.ok(lines.join('\n').includes(fact), `it says ${fact}`)
  }
  t.equal(seawall.stdout, '', 'stdout is for the access log')
  t.notMatch(seawall.stderr, /"level":"?(?:warn|error|[456]0)/, 'nothing to worry about')
})

test('what a start prints stays within eight lines however much is configured', async (t) => {
  const origin = await rawOrigin(t, () => ok)
  const names = Array.from({ length: 12 }, (_, i) => `listener-${i}`)
  const file = write(t, JSON.stringify({
    ...inFrontOf(origin.url), version: 1, mode: 'observe',
    admin: { listen: '127.0.0.1:0' }, probe: { listen: '127.0.0.1:0' },
    listeners: Object.fromEntries(names.map((name, i) =>
      [name, { kind: i % 2 === 0 ? 'ingress' : 'egress', listen: '127.0.0.1:0' }])),
    routes: names.map((name) => ({ name, listener: name, match: { path: '/*' }, upstream: 'service' })),
  }))
  const seawall = start(t, 'run', '--config', file)
  await seawall.until(isReady)
  t.ok(printed(seawall).length <= 8, seawall.stderr)
  t.match(seawall.stderr, /observe/)
  const status = /admin +(http:\S+)/.exec(seawall.stderr)?.[1] ?? ''
  const { listeners } = JSON.parse((await ask(Number(new URL(status).port), '/admin/status')).body) as {
    listeners: { name: string; url: string }[]
  }
  t.strictSame(listeners.map(({ name }) => name), names)
  const answers = await Promise.all(listeners.map(({ url }) => ask(Number(new URL(url).port), '/')))
  t.ok(answers.every(({ body }) => body === 'ok'), 'every listener serves')
})

test('the configurations that come with it are valid', async (t) => {
  const seawall = start(t, 'validate', join(root, 'config/charge.json'))
  t.equal((await seawall.finished).code, 0, seawall.stderr)
  const schema = start(t, 'schema')
  await schema.finished
  t.strictSame(JSON.parse(schema.stdout), JSON.parse(readFileSync(join(root, 'config/schema.json'), 'utf8')))
})

test('only who is to serve is replaced by itself for its flags', async (t) => {
  const boot = `data:text/javascript,${encodeURIComponent('console.error("boot")')}`
  for (const [verb, boots] of [['status', 1], ['run', 2]] as const) {
    const asked = new Running(process.execPath, ['--import', boot, entry, verb, '--help'], { cwd: temporaryFolder(t) })
    t.equal((await asked.finished).code, 0)
    t.equal(asked.stderr.split('boot').length - 1, boots, verb)
  }
})
