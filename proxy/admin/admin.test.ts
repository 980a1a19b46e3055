import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import type { Test } from 'tap'
import type { ListenAddress } from '../core/configuration.ts'
import { startAdmin } from './admin.ts'
import type { AdminOptions, AuditEntry } from './admin.ts'
import type { ModeChange } from './changes.ts'
import { isAllowedHost, isOwnOrigin } from './guard.ts'
import { startProbe } from './probe.ts'

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly json: () => { [key: string]: unknown }
}

interface Ask { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string }

const loopback: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 }

function ask(url: string, path: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<Answer> {
  const target = url.startsWith('unix:')
    ? { socketPath: url.slice(5), path }
    : { host: '127.0.0.1', port: Number(new URL(url).port), path }
  return new Promise((resolve, reject) => {
    const sent = request({ ...target, method, agent: false, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
      answer.on('end', () => {
        const { statusCode: status = 0, headers } = answer
        resolve({ status, headers, text, json: () => JSON.parse(text) as { [key: string]: unknown } })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const post = (url: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(url, path, body === undefined ? { method: 'POST', headers } : {
    method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body),
  })

interface World {
  readonly url: string
  readonly audited: AuditEntry[]
  readonly calls: string[]
  readonly health: { isReady: boolean; isStarted: boolean }
}

async function adminOf(t: Test, change: Partial<AdminOptions> = {}): Promise<World> {
  const audited: AuditEntry[] = []
  const calls: string[] = []
  const health = { isReady: true, isStarted: true }
  const options: AdminOptions = {
    address: loopback, token: null,
    status: () => ({ mode: 'enforce' }), configuration: () => ({ hash: 'abc' }),
    readiness: () => ({ isReady: health.isReady, reasons: health.isReady ? [] : ['draining'] }),
    isStarted: () => health.isStarted,
    page: { contentType: 'text/plain; version=0.0.4; charset=utf-8', read: async () => 'up 1\n' },
    audit: (entry) => { audited.push(entry) },
    drain: () => {
      calls.push('drain')
      return true
    },
    ...change,
  }
  const admin = await startAdmin(options)
  t.teardown(() => admin.close())
  return { url: admin.url, audited, calls, health }
}

test('health, metrics, status and configuration can be read', async (t) => {
  const { url, health } = await adminOf(t)
  for (const path of ['/livez', '/readyz', '/startupz', '/admin/status', '/admin/config']) {
    const answer = await ask(url, path)
    t.equal(answer.status, 200, path)
    t.equal(answer.headers['cache-control'], 'no-store')
  }
  const page = await ask(url, '/metrics')
  t.equal(page.text, 'up 1\n')
  t.match(page.headers['content-type'], /^text\/plain; version=0\.0\.4/)
  health.isReady = false
  const notReady = await ask(url, '/readyz')
  t.equal(notReady.status, 503)
  t.strictSame(notReady.json(), { status: 'not ready', reasons: ['draining'] })
  t.equal((await ask(url, '/livez')).status, 200, 'draining is alive')
  health.isStarted = false
  t.equal((await ask(url, '/startupz')).status, 503)
  const head = await ask(url, '/metrics', { method: 'HEAD' })
  t.strictSame([head.status, head.text], [200, ''])
})

test('GET changes nothing: what changes answers 405 to it', async (t) => {
  const { url, calls, audited } = await adminOf(t)
  for (const path of ['/admin/drain', '/admin/reload', '/admin/mode', '/admin/log-level']) {
    const answer = await ask(url, path)
    t.strictSame([answer.status, answer.headers['allow']], [405, 'POST'], path)
    t.match(answer.headers['content-type'], /^application\/problem\+json/)
  }
  t.strictSame((await ask(url, '/admin/status', { method: 'DELETE' })).headers['allow'], 'GET, HEAD')
  t.strictSame(calls, [])
  t.strictSame(audited.map(({ action, status }) => [action, status]), [['DELETE /admin/status', 405]])
})

test('a change is made and audited, also one that was refused', async (t) => {
  const { url, calls, audited } = await adminOf(t)
  const drained = await post(url, '/admin/drain')
  t.strictSame([drained.status, drained.json()], [202, { status: 'draining', began: true }])
  t.strictSame(calls, ['drain'])
  await post(url, '/admin/drain', undefined, { origin: 'http://evil.example' })
  t.strictSame(audited.map(({ action, from, status }) => [action, from, status]), [
    ['POST /admin/drain', '127.0.0.1', 202], ['POST /admin/drain', '127.0.0.1', 403],
  ])
})

test('what this instance cannot do says so', async (t) => {
  const { url } = await adminOf(t)
  const answer = await post(url, '/admin/reload')
  t.equal(answer.status, 501)
  t.match(answer.json(), { code: 'admin.not-available', status: 501, detail: 'This instance has no reload yet.' })
})

test('a reload says what is in force now, or every fault', async (t) => {
  const applied = await adminOf(t, { reload: async () => ({ isApplied: true, hash: 'def', isChanged: true }) })
  t.strictSame((await post(applied.url, '/admin/reload')).json(), { status: 'applied', hash: 'def', changed: true })
  const refused = await adminOf(t, { reload: async () => ({ isApplied: false, faults: ['a:1:1 wrong'] }) })
  const answer = await post(refused.url, '/admin/reload')
  t.equal(answer.status, 422)
  t.match(answer.json(), { code: 'admin.rejected', faults: ['a:1:1 wrong'] })
})

test('overrides are checked, and end by themselves', async (t) => {
  const levels: unknown[] = []
  const modes: ModeChange[] = []
  const { url, audited } = await adminOf(t, {
    overrideLogLevel: (level, forMs) => { levels.push([level, forMs]) },
    setMode: (change) => {
      modes.push(change)
      return change.route === 'nowhere' ? 'There is no route "nowhere".' : null
    },
  })
  t.equal((await post(url, '/admin/log-level', { level: 'debug', for: '5m' })).status, 200)
  t.equal((await post(url, '/admin/log-level', { level: 'warn' })).status, 200)
  t.strictSame(levels, [['debug', 300_000], ['warn', 900_000]])
  t.equal((await post(url, '/admin/mode', { mode: 'observe', route: 'pay', for: '1h' })).status, 200)
  t.strictSame(modes, [{ mode: 'observe', route: 'pay', forMs: 3_600_000 }])
  const bad: readonly (readonly [string, unknown])[] = [
    ['/admin/log-level', { level: 'loud' }], ['/admin/log-level', { level: 'info', for: '25h' }],
    ['/admin/log-level', { level: 'info', for: 'soon' }], ['/admin/log-level', { level: 'info', extra: 1 }],
    ['/admin/mode', { mode: 'off' }], ['/admin/mode', {}], ['/admin/mode', { mode: 'observe', route: 'nowhere' }],
    ['/admin/mode', { mode: 'observe', for: 0 }],
  ]
  for (const [path, body] of bad) {
    const answer = await post(url, path, body)
    t.strictSame([answer.status, answer.json()['code']], [400, 'admin.invalid'], JSON.stringify(body))
  }
  t.equal(levels.length, 2)
  t.equal(audited[0]?.body, '{"level":"debug","for":"5m"}')
  t.strictSame(audited.map(({ endsInMs }) => endsInMs), [300_000, 900_000, 3_600_000, ...bad.map(() => null)],
    'on record with when it ends, also where nobody said so')
})

test('a name that only resolves to this machine is not let in', async (t) => {
  const { url, calls } = await adminOf(t)
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1', '[::2]']) {
    const answer = await post(url, '/admin/drain', undefined, { host })
    t.strictSame([answer.status, answer.json()['code']], [403, 'admin.forbidden-host'], host)
    t.equal((await ask(url, '/metrics', { headers: { host } })).status, 403)
  }
  t.strictSame(calls, [])
  for (const host of ['localhost', 'LOCALHOST:9900', 'seawall.localhost', '127.0.0.1:1', '[::1]:9900', 'localhost.']) {
    t.equal((await ask(url, '/livez', { headers: { host } })).status, 200, host)
  }
  t.notOk(isAllowedHost('', loopback))
  t.ok(isAllowedHost('anything', { kind: 'unix', path: '/a' }), 'no page reaches a unix socket')
  t.ok(isAllowedHost('10.1.2.3:9901', { kind: 'tcp', host: '0.0.0.0', port: 1 }))
})

test('a page of another origin is not let in', async (t) => {
  const { url, calls } = await adminOf(t)
  for (const origin of ['http://evil.example', 'null', 'http://127.0.0.1:1', '']) {
    const answer = await post(url, '/admin/drain', undefined, { origin })
    t.strictSame([answer.status, answer.json()['code']], [403, 'admin.forbidden-origin'], origin)
  }
  t.strictSame(calls, [])
  const host = new URL(url).host
  t.equal((await post(url, '/admin/drain', undefined, { origin: `http://${host}`, host })).status, 202)
  t.notOk(isOwnOrigin('http://a', undefined))
})

test('only JSON is taken, and only a little of it', async (t) => {
  const { url, calls } = await adminOf(t)
  const form = await ask(url, '/admin/drain', {
    method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=1',
  })
  t.equal(form.status, 415)
  const text = { 'content-type': 'text/plain' }
  const plain = await ask(url, '/admin/drain', { method: 'POST', headers: text, body: '{}' })
  t.equal(plain.status, 415, 'a page may send text/plain without asking')
  t.equal((await post(url, '/admin/drain', { a: 'x'.repeat(20_000) })).status, 413)
  const broken = await ask(url, '/admin/drain', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: '{',
  })
  t.match([broken.status, broken.json()], [400, { code: 'admin.invalid' }])
  for (const body of ['{"mode":"observe","__proto__":{"a":1}}', '{"mode":"observe","constructor":{"prototype":{}}}']) {
    const polluting = await ask(url, '/admin/mode', {
      method: 'POST', headers: { 'content-type': 'application/json' }, body,
    })
    t.equal(polluting.status, 400, body)
  }
  t.strictSame(calls, [])
})

test('a token is asked for wherever it is set, except for health', async (t) => {
  const { url, calls } = await adminOf(t, { token: 'open-sesame' })
  t.equal((await ask(url, '/livez')).status, 200)
  t.equal((await ask(url, '/readyz')).status, 200)
  for (const authorization of ['', 'Bearer wrong', 'Bearer open-sesam', 'Basic open-sesame', 'open-sesame']) {
    const answer = await post(url, '/admin/drain', undefined, { authorization })
    t.equal(answer.status, 401, authorization)
    t.equal(answer.headers['www-authenticate'], 'Bearer')
    t.equal((await ask(url, '/metrics', { headers: { authorization } })).status, 401)
    t.equal((await ask(url, '/admin/none', { headers: { authorization } })).status, 401)
  }
  t.strictSame(calls, [])
  t.equal((await post(url, '/admin/drain', undefined, { authorization: 'Bearer open-sesame' })).status, 202)
})

test('an address that others reach needs a token', async (t) => {
  const address: ListenAddress = { kind: 'tcp', host: '0.0.0.0', port: 0 }
  await t.rejects(adminOf(t, { address }), /0\.0\.0\.0:0: others can reach it/)
  await t.rejects(adminOf(t, { address, token: '' }), /needs "admin"/)
  const { url } = await adminOf(t, { address, token: 'secret' })
  t.equal((await ask(url, '/admin/status', { headers: { host: '10.1.1.1:9900' } })).status, 401)
})

test('an address in use is one line that says what to do', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => { server.close() })
  await new Promise((resolve) => { server.on('listening', resolve) })
  const { port } = server.address() as AddressInfo
  const where = `127\\.0\\.0\\.1:${port}`
  const line = new RegExp(`^Error: Cannot open the admin listener on ${where}: the address is in use; .*$`)
  const error: unknown = await adminOf(t, { address: { ...loopback, port } }).catch((error: unknown) => error)
  t.match(String(error), line)
})

test('a unix socket is its owner\'s alone, and a stale one is replaced', async (t) => {
  // Paths of sockets are short, so not below the checkout.
  const folder = mkdtempSync(join(tmpdir(), 'seawall-'))
  t.teardown(() => { rmSync(folder, { recursive: true }) })
  const path = join(folder, 'admin.sock')
  // A process that dies without closing leaves the socket behind.
  const script = 'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))'
  spawnSync(process.execPath, ['-e', script, path])
  t.ok(existsSync(path))
  chmodSync(path, 0o777)
  const { url } = await adminOf(t, { address: { kind: 'unix', path } })
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal((await ask(url, '/admin/status')).status, 200)
  await t.rejects(adminOf(t, { address: { kind: 'unix', path } }), /in use/, 'one that lives is not')
  t.equal((await ask(url, '/admin/status')).status, 200)
})

test('a file that is no socket is left alone', async (t) => {
  const path = join(t.testdir(), 'file')
  writeFileSync(path, 'precious')
  await t.rejects(adminOf(t, { address: { kind: 'unix', path } }))
  t.equal(statSync(path).size, 8)
})

test('a defect answers as a problem', async (t) => {
  const { url } = await adminOf(t, { status: () => { throw new Error('broken') } })
  const answer = await ask(url, '/admin/status')
  t.match([answer.status, answer.json()], [500, { code: 'admin.defect', detail: 'broken' }])
  t.equal((await ask(url, '/admin/%zz')).status, 400)
})

test('the probe listener has health and metrics, and nothing else', async (t) => {
  const probe = await startProbe({
    address: loopback, readiness: () => ({ isReady: true, reasons: [] }), isStarted: () => true,
    page: { contentType: 'text/plain', read: async () => 'up 1\n' },
  })
  t.teardown(() => probe.close())
  for (const path of ['/livez', '/readyz', '/startupz', '/metrics']) {
    t.equal((await ask(probe.url, path)).status, 200, path)
    t.equal((await ask(probe.url, path, { method: 'POST' })).status, 405, path)
  }
  for (const path of ['/admin/status', '/admin/config', '/admin/drain', '/', '/metrics/x']) {
    t.equal((await ask(probe.url, path)).status, 404, path)
    t.equal((await post(probe.url, path)).status, 404, path)
  }
})

test('closing does not wait for connections that stay open', async (t) => {
  const probe = await startProbe({
    address: loopback, readiness: () => ({ isReady: true, reasons: [] }), isStarted: () => true,
    page: { contentType: 'text/plain', read: async () => '' },
  })
  const { port } = new URL(probe.url)
  const held = request({ port, host: '127.0.0.1', path: '/livez', headers: { connection: 'keep-alive' } })
  held.on('error', () => {})
  held.end()
  await new Promise((resolve) => { held.on('response', (answer) => { answer.resume().on('end', resolve) }) })
  await probe.close()
  await t.rejects(ask(probe.url, '/livez'))
})
