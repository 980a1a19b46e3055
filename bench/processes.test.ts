// Processes are started on their core, awaited, measured, and gone afterwards, with their children.
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import { Processes, freePort } from './processes.ts'
import { cpuTimeMs, memoryOf, processTree } from './procfs.ts'

const node = { command: process.execPath, cpu: 0 }

// A zombie still has a directory, but no memory: gone is what has neither.
const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`) && memoryOf(pid).rssBytes > 0

test('a server is ready when its port answers, runs on its core, and is gone when stopped', async (t) => {
  const processes = new Processes()
  t.teardown(() => processes.stopAll())
  const port = await freePort()
  const script = `setTimeout(() => require('net').createServer().listen(${port}, '127.0.0.1'), 100)`
  const running = await processes.serve({ ...node, name: 'late server', args: ['-e', script], port })
  t.match(readFileSync(`/proc/${running.pid}/status`, 'utf8'), /^Cpus_allowed_list:\t0$/m)
  t.ok(cpuTimeMs(running.pid) > 0)
  const { rssBytes, anonymousBytes } = memoryOf(running.pid)
  t.ok(rssBytes > anonymousBytes && anonymousBytes > 1e6, `${rssBytes} bytes, ${anonymousBytes} anonymous`)
  await running.stop()
  t.notOk(isAlive(running.pid))
})

test('a server that ends instead of answering is reported with what it said', async (t) => {
  const processes = new Processes()
  const port = await freePort()
  const args = ['-e', 'console.error("bad configuration"); process.exit(3)']
  const start = processes.serve({ ...node, name: 'broken', args, port })
  await t.rejects(start, /Cannot start broken.*exit code 3[^]*bad configuration/)
})

test('a command that does not exist is reported', async (t) => {
  const run = new Processes().run({ name: 'nothing', command: '/does/not/exist', args: [], cpu: 0, boundMs: 5000 })
  await t.rejects(run, /Cannot run nothing/)
})

test('children count in figures and are stopped with their parent, even if it ignores SIGTERM', async (t) => {
  const processes = new Processes(100)
  t.teardown(() => processes.stopAll())
  const port = await freePort()
  const child = 'setInterval(() => {}, 1000)'
  const script = `process.on('SIGTERM', () => {})
    require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}])
      .on('spawn', () => require('net').createServer().listen(${port}, '127.0.0.1'))`
  const running = await processes.serve({ ...node, name: 'parent', args: ['-e', script], port })
  const tree = processTree(running.pid)
  t.equal(tree.length, 2)
  const alone = memoryOf(tree[1] ?? 0).rssBytes
  t.ok(memoryOf(running.pid).rssBytes > alone && alone > 0, 'the memory of both is summed')
  await running.stop()
  t.notOk(tree.some(isAlive))
})

test('a program gets its input and gives its output; one that does not end is stopped', async (t) => {
  const processes = new Processes()
  const echo = ['-e', 'process.stdin.pipe(process.stdout)']
  t.equal(await processes.run({ ...node, name: 'echo', args: echo, input: 'hello', boundMs: 10_000 }), 'hello')
  const endless = processes.run({ ...node, name: 'endless', args: ['-e', 'setInterval(() => {}, 1000)'], boundMs: 300 })
  await t.rejects(endless, /Cannot run endless.*SIGTERM/)
})
