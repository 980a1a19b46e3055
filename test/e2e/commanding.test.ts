// A running instance as its operator meets it: the verbs against its admin listener, on a socket and behind a token,
// what they change, what goes on record, and that overrides end.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import type { Test } from 'tap'
import { ask, eventually } from '../support/asking.ts'
import { RawClient } from '../support/raw-client.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { entry, isReady, Running, startSeawall, inFrontOf, temporaryFolder } from '../support/seawall.ts'

interface Verbed { readonly code: number | null; readonly stdout: string; readonly stderr: string }

async function verb(...args: readonly string[]): Promise<Verbed> {
  const running = new Running(process.execPath, [entry, ...args])
  const { code } = await running.finished
  return { code, stdout: running.stdout, stderr: running.stderr }
}

interface Operated {
  readonly running: Running
  readonly file: string
  readonly socket: string
  readonly tokenFile: string
  write(deadline: string): void
}

/** On a unix socket, with a token. */
async function operated(t: Test): Promise<Operated> {
  const service = createServer((_request, response) => { response.end('ok') })
  await new Promise<void>((resolve) => { service.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { service.close() })
  const folder = temporaryFolder(t)
  const [file, socket, tokenFile] = [join(folder, 'seawall.json'), join(folder, 'admin.sock'), join(folder, 'token')]
  writeFileSync(tokenFile, 'let-the-operator-in\n')
  const write = (deadline: string): void => {
    writeFileSync(file, JSON.stringify({
      version: 1, admin: { listen: `unix:${socket}`, token: `\${file:${tokenFile}}` }, drain: { delay: '300ms' },
      listeners: { public: { kind: 'ingress', listen: '127.0.0.1:0' } },
      upstreams: { service: { endpoints: [`http://127.0.0.1:${(service.address() as AddressInfo).port}`] } },
      routes: [{ name: 'all', listener: 'public', match: { path: '/*' }, upstream: 'service',
        deadline: { default: deadline } }],
    }))
  }
  write('5s')
  const running = new Running(process.execPath, [entry, 'run', '--config', file])
  t.teardown(() => running.stop('SIGKILL'))
  await running.until(isReady)
  return { running, file, socket, tokenFile, write }
}

test('status, reload and drain --wait, over a unix socket and with a token', async (t) => {
  const { running, socket, tokenFile, write } = await operated(t)
  const there = ['--admin', `unix:${socket}`, '--token-file', tokenFile]

  const without = await verb('status', '--admin', `unix:${socket}`)
  t.equal(without.code, 1)
  t.match(without.stderr, 'A token is needed')
  const shown = await verb('status', ...there)
  t.equal(shown.code, 0)
  t.match(shown.stdout, /serving {2}mode enforce/)
  const { pid } = JSON.parse((await verb('status', ...there, '--json')).stdout) as { pid: number }
  t.equal(pid, running.child.pid)

  t.match((await verb('reload', ...there)).stderr, /^unchanged, hash /)
  write('4s')
  const applied = await verb('reload', ...there)
  t.equal(applied.code, 0)
  t.match(applied.stderr, /^(?:applied|unchanged), hash /, 'unchanged where its own look at the file came first')
  write('soon')
  const refused = await verb('reload', ...there)
  t.equal(refused.code, 3)
  t.match(refused.stderr, /deadline/)

  const drained = await verb('drain', '--wait', ...there)
  t.strictSame([drained.code, drained.stderr], [0, 'draining\ngone\n'])
  t.strictSame(await running.finished, { code: 0, signal: null })
  t.equal((await verb('status', ...there)).code, 4, 'there is nobody any more')

  const audited = running.stderr.split('\n').filter((line) => line.includes('"msg":"admin"'))
    .map((line) => JSON.parse(line) as { action: string; status: number })
  t.strictSame(audited.map(({ action, status }) => `${action} ${status}`), [
    'POST /admin/reload 200', 'POST /admin/reload 200', 'POST /admin/reload 422', 'POST /admin/drain 202',
  ])
})

test('a drain that has to cut says so to who waits for it', async (t) => {
  const held: unknown[] = []
  const origin = await rawOrigin(t, ({ socket }) => { held.push(socket) })
  const drain = { drain: { delay: 0, timeout: '1500ms' } }
  const seawall = await startSeawall(t, inFrontOf(origin.url, { top: drain }))
  const slow = new RawClient(seawall.ports['public'] as number)
  slow.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await eventually('it is upstream', () => held.length === 1)
  const waited = await verb('drain', '--wait', '--admin', `127.0.0.1:${seawall.ports['admin']}`)
  t.match(waited.stderr, /^draining\ngone/)
  t.equal((await seawall.finished).code, 1)
  t.match(seawall.stderr, /"cut":1/)
  await slow.closed()
})

test('overrides end by themselves, and are on record at every log level', async (t) => {
  const origin = await rawOrigin(t, () => 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  const admin = seawall.ports['admin'] as number
  const post = async (path: string, body: object): Promise<number> => (await ask(admin, path, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  })).status
  const mode = async (): Promise<string> =>
    (JSON.parse((await ask(admin, '/admin/status')).body) as { mode: string }).mode
  t.equal(await post('/admin/mode', { mode: 'observe', for: '400ms' }), 200)
  t.equal(await mode(), 'observe')
  await eventually('the mode is as configured again', async () => await mode() === 'enforce')
  t.equal(await post('/admin/log-level', { level: 'silent', for: '1m' }), 200)
  t.equal(await post('/admin/log-level', { level: 'loud' }), 400)
  t.equal(await post('/admin/log-level', { level: 'debug', for: '300ms' }), 200)
  await eventually('all four are on record', () => seawall.stderr.split('"msg":"admin"').length === 5)
  const ends = [...seawall.stderr.matchAll(/"endsInMs":(\d+|null)/g)].map(([, ms]) => ms)
  t.strictSame(ends, ['400', '60000', 'null', '300'])
})

test('a reader who has seen enough, as head has, leaves the verb its exit code and prints nothing more', async (t) => {
  for (const [stream, args, code] of [['stdout', ['schema'], 0], ['stderr', ['bogus'], 2]] as const) {
    const child = spawn(process.execPath, [entry, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child[stream].destroy()
    child[stream === 'stdout' ? 'stderr' : 'stdout'].on('data', (chunk: Buffer) => { said += chunk.toString() })
    t.strictSame(await once(child, 'close'), [code, null])
    t.equal(said, '')
  }
})
