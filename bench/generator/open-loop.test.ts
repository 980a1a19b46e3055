// The open loop against servers that stall, refuse, vanish and answer badly: nothing a server does may hide a latency.
import { test } from 'tap'
import { freePort } from '../processes.ts'
import { runOpenLoop } from './open-loop.ts'
import type { OpenLoopPlan } from './plan.ts'
import { okAnswer, stubServer } from './stub-server.ts'

function planFor(port: number, changes: Partial<OpenLoopPlan> = {}): OpenLoopPlan {
  return {
    kind: 'open', host: '127.0.0.1', port, request: { method: 'GET', path: '/' }, ratePerSecond: 400,
    arrivals: 'constant', seed: 1, warmUpMs: 0, durationMs: 250, deadlineMs: 5000, connections: 1, maxConnections: 1,
    ...changes,
  }
}

test('a stall of 200 ms is felt by every request that was due in it, not by one', async (t) => {
  const stallMs = 200
  const server = await stubServer((socket, index) => {
    if (index === 50) setTimeout(() => socket.write(okAnswer), stallMs)
    else socket.write(okAnswer)
  })
  t.teardown(() => server.close())
  // 200 a second for a second over one connection: 40 requests are due in the stall, and wait 200, 195, 190 … ms.
  const report = await runOpenLoop(planFor(server.port, { ratePerSecond: 200, durationMs: 1000 }))
  const ok = report.outcomes['2xx']
  t.equal(report.offered, 200)
  t.equal(ok?.count, 200)
  t.ok((ok?.maxMs ?? 0) >= stallMs - 1, `max ${ok?.maxMs} ms`)
  // A closed loop would say: one request of 200 took 200 ms, p99 is fast. Here a tenth took over 100 ms.
  t.ok((ok?.p90Ms ?? 0) >= stallMs * 0.4, `p90 ${ok?.p90Ms} ms`)
  t.ok((ok?.p99Ms ?? 0) >= stallMs * 0.9, `p99 ${ok?.p99Ms} ms`)
  t.ok(report.waitedForConnection >= 35, `${report.waitedForConnection} waited`)
})

test('more connections are opened while requests wait, up to the cap', async (t) => {
  const server = await stubServer((socket, index) => {
    if (index < 10) setTimeout(() => socket.write(okAnswer), 100)
    else socket.write(okAnswer)
  })
  t.teardown(() => server.close())
  const report = await runOpenLoop(planFor(server.port, { maxConnections: 4 }))
  t.equal(report.peakConnections, 4)
  t.equal(server.connections(), 4)
  t.equal(report.outcomes['2xx']?.count, 100)
})

test('a request without an answer counts as a timeout, at exactly the deadline', async (t) => {
  const server = await stubServer((socket, index) => {
    if (index % 2 === 0) socket.write(okAnswer)
  })
  t.teardown(() => server.close())
  const report = await runOpenLoop(planFor(server.port, { deadlineMs: 150, connections: 8, maxConnections: 200 }))
  const { timeout, '2xx': ok } = report.outcomes
  t.equal(timeout?.count, 50)
  t.equal(timeout?.minMs, 150)
  t.equal(timeout?.maxMs, 150)
  t.equal(ok?.count, 50)
  t.same([report.offered, report.started, report.finished], [100, 100, 50])
})

test('a request that never gets a connection before its deadline counts as a timeout and not as started', async (t) => {
  const server = await stubServer(() => {})
  t.teardown(() => server.close())
  const report = await runOpenLoop(planFor(server.port, { deadlineMs: 300, ratePerSecond: 1000, durationMs: 50 }))
  t.equal(report.outcomes.timeout?.count, 50)
  t.equal(report.offered, 50)
  // At the first deadline its connection is given up and the next in line gets a new one; most never do.
  t.ok(report.started >= 1 && report.started < 25, `${report.started} started`)
  t.equal(report.finished, 0)
})

test('outcomes are counted apart', async (t) => {
  const statuses = [200, 404, 429, 503, 502, 302]
  const server = await stubServer((socket, index) => {
    socket.write(`HTTP/1.1 ${statuses[index % statuses.length]} X\r\ncontent-length: 0\r\n\r\n`)
  })
  t.teardown(() => server.close())
  const { outcomes } = await runOpenLoop(planFor(server.port, { ratePerSecond: 480, maxConnections: 1 }))
  const counts = Object.fromEntries(Object.entries(outcomes).map(([kind, { count }]) => [kind, count]))
  t.same(counts, { '2xx': 20, '4xx': 20, '429': 20, '503': 20, '5xx': 20, 'other': 20 })
})

test('a connection that breaks costs the request on it, and no other', async (t) => {
  const server = await stubServer((socket, index) => {
    if (index % 10 === 3) socket.destroy()
    else socket.write(okAnswer)
  })
  t.teardown(() => server.close())
  const { outcomes } = await runOpenLoop(planFor(server.port))
  t.equal(outcomes['connection-error']?.count, 10)
  t.equal(outcomes['2xx']?.count, 90)
})

test('a server that is not there makes connection errors of all requests, in time', async (t) => {
  const report = await runOpenLoop(planFor(await freePort(), { maxConnections: 8 }))
  t.equal(report.outcomes['connection-error']?.count, 100)
  t.equal(report.finished, 0)
})

test('a server that closes after each answer is served by new connections', async (t) => {
  const server = await stubServer((socket) => {
    socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end')
  })
  t.teardown(() => server.close())
  const report = await runOpenLoop(planFor(server.port, { maxConnections: 4 }))
  t.equal(report.outcomes['2xx']?.count, 100)
  t.ok(server.connections() >= 100)
})

test('the warm-up is sent but not counted', async (t) => {
  const server = await stubServer((socket) => { socket.write(okAnswer) })
  t.teardown(() => server.close())
  const phases = { warmUpMs: 125, durationMs: 125 }
  const plan = planFor(server.port, { ...phases, connections: 4, maxConnections: 4, watchPid: process.pid })
  const report = await runOpenLoop(plan)
  t.equal(server.requests(), 100)
  t.equal(report.offered, 50)
  t.equal(report.lateness.count, 50)
  t.ok((report.watched?.cpuMs ?? 0) > 0 && (report.watched?.memory.rssBytes ?? 0) > 1e6, 'this process was watched')
})

test('a series holds every request once, and refusals carry their code, in the thrifty pace as well', async (t) => {
  const field = 'proxy-status: seawall; error=connection_limit_reached; details="bulkhead.full"'
  const server = await stubServer((socket, index) => {
    if (index % 4 === 0) socket.write(`HTTP/1.1 503 X\r\n${field}\r\ncontent-length: 0\r\n\r\n`)
    else if (index % 4 !== 1) socket.write(okAnswer)
  })
  t.teardown(() => server.close())
  const changes = { momentMs: 50, pacing: 'thrifty', deadlineMs: 150, connections: 8, maxConnections: 200 } as const
  const report = await runOpenLoop(planFor(server.port, changes))
  const sum = (count: 'offered' | 'ok' | 'late' | 'refused' | 'failed'): number =>
    (report.series ?? []).reduce((total, moment) => total + moment[count], 0)
  t.equal(report.series?.length, 5)
  t.strictSame([sum('offered'), sum('ok'), sum('late'), sum('refused'), sum('failed')], [100, 50, 25, 25, 0])
  t.equal(report.refusals?.['on-arrival']?.count, 25)
  t.strictSame(report.refusalCodes, { 'bulkhead.full': 25 })
  t.ok(Math.abs((report.startedAtMs ?? 0) - Date.now()) < 10_000)
})
