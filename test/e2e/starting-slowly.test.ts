// A start that takes long, for its store is far away, and what signals do to it meanwhile.

import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import type { Test } from 'tap'
import { entry, inFrontOf, Running, temporaryFolder } from '../support/seawall.ts'

/** Stopped with the test, if it has not ended. */
function start(t: Test, file: string, ...ofNode: readonly string[]): Running {
  const args = [...ofNode, entry, 'run', '--config', file]
  const running = new Running(process.execPath, args, { cwd: temporaryFolder(t) })
  t.teardown(() => running.stop('SIGKILL'))
  return running
}

/** One whose store is looked for in vain, for longer than a test waits; ends when that search has begun. */
async function startsForLong(t: Test): Promise<Running> {
  return (await startsFor(t, '30s')).seawall
}

interface Starting {
  readonly seawall: Running
  readonly file: string
  readonly configuration: { readonly routes: readonly object[] }
}

async function startsFor(t: Test, timeout: string): Promise<Starting> {
  const silent = createServer()
  await new Promise<void>((resolve) => { silent.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { silent.close() })
  const asked = new Promise<void>((resolve) => {
    silent.once('connection', (socket) => {
      socket.on('error', () => {})
      t.teardown(() => { socket.destroy() })
      resolve()
    })
  })
  const { port } = silent.address() as AddressInfo
  const folder = temporaryFolder(t)
  const file = join(folder, 'seawall.json')
  const configuration = {
    version: 1, admin: { listen: '127.0.0.1:0' }, listeners: { public: { kind: 'ingress', listen: '127.0.0.1:0' } },
    stores: { idempotency: { type: 'redis', url: `redis://127.0.0.1:${port}`, timeout } },
    upstreams: { service: { endpoints: ['http://127.0.0.1:1'] } },
    routes: [{ name: 'all', listener: 'public', match: { path: '/*' }, upstream: 'service', idempotency: {} }],
  }
  writeFileSync(file, JSON.stringify(configuration))
  const seawall = start(t, file)
  await asked
  return { seawall, file, configuration }
}

test('told to leave while it starts it ends in order, and opens nothing any more', async (t) => {
  const seawall = await startsForLong(t)
  const toldAt = performance.now()
  t.strictSame(await seawall.stop('SIGTERM'), { code: 0, signal: null })
  t.ok(performance.now() - toldAt < 5_000, `${Math.round(performance.now() - toldAt)} ms`)
  t.match(seawall.stderr, /"drain started"[^]*"drain finished"/)
  t.notMatch(seawall.stderr, /listening|defect|hash/)
})

test('told twice while it starts it ends at once', async (t) => {
  const seawall = await startsForLong(t)
  seawall.child.kill('SIGINT')
  await seawall.until(/"drain started"/)
  t.strictSame(await seawall.stop('SIGTERM'), { code: 0, signal: null })
})

test('told to reload while it starts it goes on starting', async (t) => {
  const seawall = await startsForLong(t)
  seawall.child.kill('SIGHUP')
  t.strictSame(await seawall.stop('SIGTERM'), { code: 0, signal: null })
})

test('a file that changes while it starts is read again when it serves', async (t) => {
  const { seawall, file, configuration } = await startsFor(t, '1s')
  const routes = [{ ...configuration.routes[0], name: 'more', match: { path: '/more' } }, ...configuration.routes]
  writeFileSync(file, JSON.stringify({ ...configuration, routes }))
  await seawall.until(/"configuration-applied"/)
})

test('told to leave while its own code is still being read it ends well', async (t) => {
  const preload = `import { registerHooks } from 'node:module'
    const resolve = (specifier, context, next) => {
      if (specifier === './main.ts') process.kill(process.pid, 'SIGTERM')
      return next(specifier, context)
    }
    registerHooks({ resolve })`
  const file = join(temporaryFolder(t), 'seawall.json')
  writeFileSync(file, JSON.stringify({
    ...inFrontOf('http://127.0.0.1:1'), version: 1, admin: { listen: '127.0.0.1:0' }, drain: { delay: 0 },
    listeners: { public: { kind: 'ingress', listen: '127.0.0.1:0' } },
  }))
  const seawall = start(t, file, '--import', `data:text/javascript,${encodeURIComponent(preload)}`)
  t.strictSame(await seawall.finished, { code: 0, signal: null }, seawall.stderr)
})
