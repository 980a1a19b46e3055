// Calls are repeated as the plan says, given up in time, and counted once. Real sockets, few requests.
import { test } from 'tap'
import type { Test } from 'tap'
import { stubServer } from '../generator/stub-server.ts'
import type { StubServer } from '../generator/stub-server.ts'
import { freePort } from '../processes.ts'
import { runCallers } from './callers.ts'
import type { CallersPlan, CallersReport } from './callers-plan.ts'

/** A server that answers the nth request it sees as told; null: never. */
async function serve(t: Test, answerOf: (n: number) => string | null): Promise<StubServer> {
  const server = await stubServer((socket, index) => {
    const answer = answerOf(index)
    if (answer !== null) socket.write(answer)
  })
  t.teardown(() => server.close())
  return server
}

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'
const ill = 'HTTP/1.1 503 Ill\r\ncontent-length: 0\r\n\r\n'
const shed = 'HTTP/1.1 503 Full\r\ncontent-length: 0\r\nproxy-status: seawall; details="shed.limit"\r\n\r\n'

function run(ports: readonly number[], changes: Partial<CallersPlan> = {}): Promise<CallersReport> {
  return runCallers({
    ports, path: '/', ratePerSecond: 200, seed: 1, durationMs: 200, attemptMs: 1000, maxAttempts: 1, momentMs: 100,
    ...changes,
  })
}

test('a call that fails is repeated until an attempt succeeds, and counts once', async (t) => {
  const { port, requests } = await serve(t, (n) => n < 2 ? ill : ok)
  const report = await run([port], { maxAttempts: 3 })
  t.ok(report.calls > 10)
  t.equal(report.ok.count, report.calls)
  t.equal(report.attempts, requests())
  t.equal(report.attempts, report.calls + 2)
  t.strictSame(report.endings, { 200: report.calls })
})

test('a call ends with its last attempt, and its ending says the code of a refusal', async (t) => {
  const { port } = await serve(t, () => shed)
  const report = await run([port], { maxAttempts: 3 })
  t.equal(report.attempts, 3 * report.calls)
  t.strictSame(report.endings, { '503 shed.limit': report.calls })
  t.equal(report.series.reduce((sum, { refused }) => sum + refused, 0), report.calls)
})

test('attempts nobody answers are given up and repeated elsewhere', async (t) => {
  const silent = await serve(t, () => null)
  const well = await serve(t, () => ok)
  const report = await run([silent.port, well.port], { maxAttempts: 2, attemptMs: 50 })
  t.equal(report.ok.count + (report.endings.timeout ?? 0), report.calls)
  t.ok(silent.requests() > 0)
  t.ok(report.ok.maxMs >= 50, 'a repeated call took as long as its first attempt was waited for')
})

test('nobody listens: every call is broken, and it ends', async (t) => {
  const report = await run([await freePort()], { maxAttempts: 2 })
  t.strictSame(report.endings, { broken: report.calls })
})
