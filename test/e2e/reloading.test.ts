// Another configuration while requests are under way: all of it or nothing, and nobody notices who has no reason to.

import { mkdirSync, renameSync, rmdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import type { Test } from 'tap'
import { ask, eventually } from '../support/asking.ts'
import { RawClient } from '../support/raw-client.ts'
import { entry, isReady, Running, temporaryFolder } from '../support/seawall.ts'

/** Answers with its name; `/slow` after 500 ms. */
async function serviceOf(t: Test, name: string): Promise<string> {
  const server = createServer((request, response) => {
    setTimeout(() => response.end(name), request.url === '/slow' ? 500 : 0)
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Sketch {
  readonly origin: string
  readonly route?: object
  readonly listeners?: object
  readonly top?: object
}

function text({ origin, route, listeners, top }: Sketch): string {
  return JSON.stringify({
    version: 1, admin: { listen: '127.0.0.1:0' }, drain: { delay: 0 },
    listeners: { public: { kind: 'ingress', listen: '127.0.0.1:0' }, ...listeners },
    upstreams: { service: { endpoints: [origin] } },
    routes: [{ name: 'all', listener: 'public', match: { path: '/*' }, upstream: 'service', ...route }],
    ...top,
  })
}

interface Started {
  readonly running: Running
  readonly file: string
  readonly port: number
  readonly admin: number
  reload(): Promise<{ status: number; body: string }>
}

async function started(t: Test, sketch: Sketch, file = join(temporaryFolder(t), 'seawall.json')): Promise<Started> {
  writeFileSync(file, text(sketch))
  const running = new Running(process.execPath, [entry, 'run', '--config', file])
  t.teardown(() => running.stop('SIGKILL'))
  await running.until(isReady)
  const portOf = (name: string): number =>
    Number(new RegExp(`${name} +http://127.0.0.1:(\\d+)`).exec(running.stderr)?.[1])
  const admin = portOf('admin')
  return { running, file, admin, port: portOf('public'), reload: () => ask(admin, '/admin/reload', { method: 'POST' }) }
}

test('a new file is in force for the next request, and the one under way ends with the old', async (t) => {
  const [one, two] = [await serviceOf(t, 'one'), await serviceOf(t, 'two')]
  const { port, file, reload, running } = await started(t, { origin: one })
  t.equal((await ask(port, '/')).body, 'one')
  const slow = ask(port, '/slow')
  // Under way: the answer of another request that was sent later is here.
  await ask(port, '/')
  writeFileSync(file, text({ origin: two }))
  const answer = await reload()
  t.equal(answer.status, 200)
  t.match(JSON.parse(answer.body), { status: 'applied', changed: true })
  t.equal((await ask(port, '/')).body, 'two')
  t.equal((await slow).body, 'one')
  t.match(JSON.parse((await reload()).body), { changed: false })
  t.equal((await running.stop()).code, 0)
})

test('a bad file changes nothing and says what is wrong', async (t) => {
  const one = await serviceOf(t, 'one')
  const { port, file, reload, admin, running } = await started(t, { origin: one })
  writeFileSync(file, text({ origin: one, route: { deadlin: { default: '1s' } } }))
  const answer = await reload()
  t.equal(answer.status, 422)
  t.match(answer.body, /did you mean|deadline/)
  t.equal((await ask(port, '/')).body, 'one')
  running.child.kill('SIGHUP')
  await running.until(/"msg":"new configuration is not valid/)
  t.match((await ask(admin, '/metrics')).body, /seawall_config_reloads_total\{result="rejected"\} \d/)
})

test('case 46: keys of a route cannot come to belong to others: each would be executed once more', async (t) => {
  const origin = await serviceOf(t, 'one')
  const sketch = (scope: string, name = 'all', more: object = {}): Sketch =>
    ({ origin, route: { name, idempotency: { scope, ...more } }, top: { stores: { idempotency: { type: 'memory' } } } })
  const { file, reload } = await started(t, sketch('credential'))
  writeFileSync(file, text(sketch('header:x-merchant')))
  const answer = await reload()
  t.equal(answer.status, 422)
  t.match(answer.body, /routes\.all\.idempotency\.scope.*credential.*header:x-merchant.*another name/)
  writeFileSync(file, text(sketch('credential', 'all', { perRoute: true })))
  t.match((await reload()).body, /cannot change from credential to credential, per route/)
  const moved = JSON.parse(text(sketch('credential'))) as { upstreams: Record<string, object>; routes: object[] }
  moved.upstreams['another'] = moved.upstreams['service'] as object
  moved.routes = moved.routes.map((route) => ({ ...route, upstream: 'another' }))
  writeFileSync(file, JSON.stringify(moved))
  t.match((await reload()).body, /routes\.all\.upstream cannot change from service to another.*another name/)
  writeFileSync(file, text(sketch('header:x-merchant', 'other')))
  t.equal((await reload()).status, 200, 'who means it says so by another name')
})

test('SIGHUP reads it again, and so does a file that has changed, behind a symlink that is turned', async (t) => {
  const folder = temporaryFolder(t)
  const [one, two, three] = [await serviceOf(t, 'one'), await serviceOf(t, 'two'), await serviceOf(t, 'three')]
  writeFileSync(join(folder, 'a.json'), '')
  const file = join(folder, 'seawall.json')
  symlinkSync(join(folder, 'a.json'), file)
  const { port, running } = await started(t, { origin: one }, file)
  t.equal((await ask(port, '/')).body, 'one')

  writeFileSync(join(folder, 'b.json'), text({ origin: two }))
  symlinkSync(join(folder, 'b.json'), join(folder, 'next'))
  renameSync(join(folder, 'next'), file)
  await eventually('the turned link is noticed', async () => (await ask(port, '/')).body === 'two')

  unlinkSync(join(folder, 'b.json'))
  writeFileSync(join(folder, 'b.json'), text({ origin: three }))
  running.child.kill('SIGHUP')
  await eventually('the signal is heard', async () => (await ask(port, '/')).body === 'three')
})

test('a file that is taken away, or becomes a folder, is told by itself and changes nothing', async (t) => {
  const one = await serviceOf(t, 'one')
  const { port, file, running } = await started(t, { origin: one })
  unlinkSync(file)
  await running.until(/configuration-rejected[^\n]*cannot read the file: there is none of this name/)
  mkdirSync(file)
  t.equal((await ask(port, '/')).body, 'one')
  rmdirSync(file)
  writeFileSync(file, text({ origin: one }))
  await running.until(/configuration-unchanged/)
  t.equal((await running.stop()).code, 0)
})

test('listeners come and go; one that cannot be opened leaves everything as it was', async (t) => {
  const one = await serviceOf(t, 'one')
  const { port, file, reload, admin } = await started(t, { origin: one })
  const taken = new URL(await serviceOf(t, 'other')).host
  writeFileSync(file, text({ origin: one, listeners: { second: { kind: 'ingress', listen: taken } } }))
  const refused = await reload()
  t.equal(refused.status, 422)
  t.match(refused.body, /Cannot listen on .* for listener \\"second\\"/)
  t.equal((await ask(port, '/')).body, 'one')

  const withSecond = { second: { kind: 'ingress', listen: '127.0.0.1:0' } }
  const routes = ['public', 'second'].map((listener) =>
    ({ name: listener, listener, match: { path: '/*' }, upstream: 'service' }))
  writeFileSync(file, text({ origin: one, listeners: withSecond, top: { routes } }))
  t.equal((await reload()).status, 200)
  const status = JSON.parse((await ask(admin, '/admin/status')).body) as { listeners: { name: string; url: string }[] }
  const second = Number(new URL(status.listeners.find(({ name }) => name === 'second')?.url ?? 'http://x').port)
  t.equal((await ask(second, '/')).body, 'one')

  const asking = new RawClient(second)
  t.teardown(() => asking.destroy())
  asking.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  await asking.answer()
  asking.write('GET /next HTTP/1.1\r\n')
  writeFileSync(file, text({ origin: one }))
  t.equal((await reload()).status, 200)
  await t.rejects(ask(second, '/'), 'closed')
  asking.write('Host: a.test\r\n\r\n')
  t.match(await asking.closed(), /\r\n\r\none[^]*HTTP\/1.1 503 [^]*connection: close[^]*drain\.closing/,
    'who was about to ask is not told that there is nothing')
  t.equal((await ask(port, '/')).body, 'one')
})

test('who waits for a reload when the process ends is told so', async (t) => {
  const one = await serviceOf(t, 'one')
  const { file, reload, running } = await started(t, { origin: one })
  const silent = createTcpServer((socket) => { t.teardown(() => socket.destroy()) })
  await new Promise<void>((resolve) => { silent.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => silent.close())
  const { port } = silent.address() as AddressInfo
  const idempotency = { type: 'redis', url: `redis://127.0.0.1:${port}`, timeout: '30s' }
  writeFileSync(file, text({ origin: one, route: { idempotency: {} }, top: { stores: { idempotency } } }))
  const isUnderWay = new Promise((resolve) => { silent.once('connection', resolve) })
  const answers = [reload(), reload()]
  await isUnderWay
  const { code } = await running.stop()
  for (const { status, body } of await Promise.all(answers)) {
    t.equal(status, 422)
    t.match(body, /this instance is ending/)
  }
  t.equal(code, 0)
})

test('fifty reloads while requests run: every one is answered', { timeout: 60_000 }, async (t) => {
  const [one, two] = [await serviceOf(t, 'one'), await serviceOf(t, 'two')]
  const { port, file, reload } = await started(t, { origin: one })
  const state = { isOver: false }
  const answers: string[] = []
  const callers = Array.from({ length: 8 }, async () => {
    while (!state.isOver) {
      const answer = await ask(port, '/')
      answers.push(`${answer.status} ${answer.body}`)
    }
  })
  for (let i = 0; i < 50; i++) {
    writeFileSync(file, text({ origin: i % 2 === 0 ? two : one }))
    t.equal((await reload()).status, 200, `reload ${i}`)
  }
  state.isOver = true
  await Promise.all(callers)
  t.strictSame([...new Set(answers)].toSorted(), ['200 one', '200 two'])
})
