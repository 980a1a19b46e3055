import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'tap'
import type { Test } from 'tap'
import { eventually } from '../test/support/asking.ts'

// Stands for a program: listens, tells its pid, and behaves at SIGTERM as it is told to.
const stub = `
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
const [port, behaviour] = process.argv.slice(2)
const server = createServer((socket) => socket.destroy())
if (behaviour === 'dies-before') process.exit(3)
process.on('SIGTERM', () => {
  console.log('told to stop')
  if (behaviour === 'stubborn') return
  setTimeout(() => { console.error('stopped'); process.exit(behaviour === 'bad-end' ? 7 : 0) }, 100)
})
if (behaviour === 'parent') {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  console.log('grandchild ' + child.pid)
}
setTimeout(() => server.listen(port, '127.0.0.1', () => {
  console.log('pid ' + process.pid)
  if (behaviour === 'dies') setTimeout(() => process.exit(3), 100)
}), 100)
setTimeout(() => process.exit(9), 30000)
`

const driver = `
import { launch } from ${JSON.stringify(new URL('launcher.mjs', import.meta.url).href)}
process.exitCode = await launch(JSON.parse(process.argv[2]), {
  say: (line) => console.log(line), greeting: 'all up',
  onSignal: (tell) => { for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, tell) },
})
`

interface Launched {
  readonly process: ChildProcess
  readonly lines: string[]
  /** Resolves when a line that matches has been said. */
  readonly said: (pattern: RegExp) => Promise<RegExpExecArray>
  readonly exited: Promise<number | null>
}

async function freePort(): Promise<number> {
  const server = await listening()
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => { server.close(resolve) })
  return port
}

function listening(): Promise<Server> {
  const server = createServer()
  return new Promise((resolve) => { server.listen(0, '127.0.0.1', () => { resolve(server) }) })
}

async function start(t: Test, behaviours: Readonly<Record<string, string>>, ports?: number[]): Promise<Launched> {
  const folder = t.testdir()
  writeFileSync(join(folder, 'stub.mjs'), stub)
  writeFileSync(join(folder, 'driver.mjs'), driver)
  const parts: unknown[] = []
  for (const [i, [name, behaviour]] of Object.entries(behaviours).entries()) {
    const port = ports?.[i] ?? await freePort()
    parts.push({ name, args: [join(folder, 'stub.mjs'), String(port), behaviour], ports: [port] })
  }
  const child = spawn(process.execPath, [join(folder, 'driver.mjs'), JSON.stringify(parts)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => { child.kill('SIGKILL') })
  const lines: string[] = []
  const waiting = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    for (const look of waiting) look()
  })
  const said = (pattern: RegExp): Promise<RegExpExecArray> => new Promise((resolve) => {
    const look = (): void => {
      const found = lines.map((line) => pattern.exec(line)).find((match) => match !== null)
      if (found === undefined) return
      waiting.delete(look)
      resolve(found)
    }
    waiting.add(look)
    look()
  })
  const exited = new Promise<number | null>((resolve) => { child.on('close', resolve) })
  return { process: child, lines, said, exited }
}

function isAlive(pid: number): boolean {
  try {
    // A zombie that init has not reaped yet is dead too.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function pidOf({ said }: Launched, name: string): Promise<number> {
  return Number((await said(new RegExp(`^${name} +\\| pid (\\d+)`)))[1])
}

test('parts start one after the other and stop the other way round, each waited for', async (t) => {
  const launched = await start(t, { one: '', two: '', three: '' })
  await launched.said(/^all up$/)
  const pids = await Promise.all(['one', 'two', 'three'].map((name) => pidOf(launched, name)))
  launched.process.kill('SIGINT')
  t.equal(await launched.exited, 0)
  t.strictSame(launched.lines.map((line) => line.replace(/pid \d+/, 'pid')), [
    'one          | pid', 'two          | pid', 'three        | pid', 'all up',
    'start: stopping; again to end at once',
    'three        | told to stop', 'three        | stopped',
    'two          | told to stop', 'two          | stopped',
    'one          | told to stop', 'one          | stopped',
  ])
  t.notOk(pids.some(isAlive))
})

test('every part leads a process group of its own, so a Ctrl-C of the terminal does not reach it', async (t) => {
  const launched = await start(t, { one: '' })
  const pid = await pidOf(launched, 'one')
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')
  t.equal(Number(fields?.[2]), pid, 'process group')
  launched.process.kill('SIGTERM')
  t.equal(await launched.exited, 0)
})

test('a part that ends by itself ends the others, and the launcher with 1', async (t) => {
  const launched = await start(t, { one: '', two: 'dies' })
  const pid = await pidOf(launched, 'one')
  t.equal(await launched.exited, 1)
  t.ok(launched.lines.includes('start: two ended by itself (exit code 3); stopping the others'))
  t.ok(launched.lines.includes('one          | stopped'))
  t.notOk(isAlive(pid))
})

test('a part that never listens but ends is noticed at once, and the next is not started', async (t) => {
  const launched = await start(t, { one: '', two: 'dies-before', three: '' })
  t.equal(await launched.exited, 1)
  t.ok(launched.lines.includes('start: two ended by itself (exit code 3); stopping the others'))
  t.notOk(launched.lines.some((line) => line.startsWith('three') || line === 'all up'))
})

test('a port in use is one line, before anything is started', async (t) => {
  const server = await listening()
  t.teardown(() => { server.close() })
  const { port } = server.address() as AddressInfo
  const launched = await start(t, { one: '', two: '' }, [await freePort(), port])
  t.equal(await launched.exited, 1)
  t.strictSame(launched.lines, [
    `start: port ${port} is in use and two needs it: stop the program that holds it, then start again; `
      + 'stopping the others',
  ])
})

test('a second signal ends everything at once; one that follows within moments is the same', async (t) => {
  const launched = await start(t, { one: '', two: 'stubborn' })
  await launched.said(/^all up$/)
  const pids = [await pidOf(launched, 'one'), await pidOf(launched, 'two')]
  launched.process.kill('SIGINT')
  launched.process.kill('SIGTERM')
  await launched.said(/^two +\| told to stop/)
  t.ok(pids.every(isAlive), 'npm passes on what the terminal has sent already')
  await new Promise((resolve) => { setTimeout(resolve, 600) })
  launched.process.kill('SIGINT')
  t.equal(await launched.exited, 1)
  t.ok(launched.lines.includes('start: ending at once'))
  t.notOk(pids.some(isAlive))
})

test('a part that ends badly is told, and costs the launcher its 0', async (t) => {
  const launched = await start(t, { one: 'bad-end' })
  await launched.said(/^all up$/)
  launched.process.kill('SIGINT')
  t.equal(await launched.exited, 1)
  t.ok(launched.lines.includes('start: one ended with exit code 7'))
})

test('what a part has started does not outlive it', async (t) => {
  const launched = await start(t, { one: 'parent' })
  const pid = Number((await launched.said(/grandchild (\d+)/))[1])
  await launched.said(/^all up$/)
  t.ok(isAlive(pid))
  launched.process.kill('SIGINT')
  await launched.exited
  // Killed by then; whoever inherits it has yet to see its end.
  await eventually('the grandchild is gone', () => !isAlive(pid))
})

test('a signal while parts are starting starts no more of them', async (t) => {
  const launched = await start(t, { one: '', two: '' })
  await launched.said(/^one +\| pid/)
  launched.process.kill('SIGINT')
  t.equal(await launched.exited, 0)
  t.notOk(launched.lines.includes('all up'))
  t.ok(launched.lines.includes('one          | stopped'))
})
