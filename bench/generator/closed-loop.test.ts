// The closed loop: what it counts is what the server answered, also when the server closes, dies or never answers.
import type { Socket } from 'node:net'
import { test } from 'tap'
import { freePort } from '../processes.ts'
import { runClosedLoop } from './closed-loop.ts'
import type { ClosedLoopPlan } from './plan.ts'
import { okAnswer, stubServer } from './stub-server.ts'

function planFor(port: number, changes: Partial<ClosedLoopPlan> = {}): ClosedLoopPlan {
  return {
    kind: 'closed', host: '127.0.0.1', port, request: { method: 'GET', path: '/' }, warmUpMs: 0, durationMs: 200,
    deadlineMs: 5000, connections: 4, ...changes,
  }
}

test('each connection has one request in flight, and all answers are counted', async (t) => {
  // Answers only when a request of each connection is there: with fewer in flight nothing would ever be answered.
  const waiting: Socket[] = []
  const server = await stubServer((socket) => {
    waiting.push(socket)
    if (waiting.length === 4) for (const one of new Set(waiting.splice(0))) one.write(okAnswer)
  })
  t.teardown(() => server.close())
  const report = await runClosedLoop(planFor(server.port))
  t.equal(server.connections(), 4)
  t.equal(report.outcomes['2xx']?.count, report.finished)
  t.ok(report.finished > 0 && server.requests() - report.finished <= 4, `${report.finished} of ${server.requests()}`)
})

test('the warm-up is not counted', async (t) => {
  const server = await stubServer((socket) => { socket.write(okAnswer) })
  t.teardown(() => server.close())
  const report = await runClosedLoop(planFor(server.port, { warmUpMs: 200, durationMs: 0 }))
  t.ok(server.requests() > 0)
  t.ok(report.finished < server.requests() / 2, `${report.finished} of ${server.requests()}`)
})

test('connections that the server closes are opened again', async (t) => {
  const server = await stubServer((socket) => {
    socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
  })
  t.teardown(() => server.close())
  const report = await runClosedLoop(planFor(server.port))
  t.ok(report.finished > 8, `${report.finished} finished`)
  t.equal(report.outcomes['connection-error'], undefined)
})

test('a request without an answer counts as a timeout at the deadline', async (t) => {
  const server = await stubServer(() => {})
  t.teardown(() => server.close())
  const { outcomes } = await runClosedLoop(planFor(server.port, { deadlineMs: 50 }))
  t.ok((outcomes.timeout?.count ?? 0) >= 4)
  t.equal(outcomes.timeout?.maxMs, 50)
})

test('a server that is not there makes connection errors, without a spin', async (t) => {
  const report = await runClosedLoop(planFor(await freePort()))
  const errors = report.outcomes['connection-error']?.count ?? 0
  t.ok(errors > 0 && errors <= 4 * 15, `${errors} errors in 200 ms`)
})
