import { mkdtempSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { SimCaller } from '../../test/sim/sim-caller.ts'
import type { Ask } from '../../test/sim/sim-caller.ts'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { systemClock } from '../core/clock.ts'
import { Exchange } from '../core/exchange.ts'
import { deafOwner } from '../core/fixtures/deaf-owner.ts'
import type { Outcome, Reply } from '../core/outcome.ts'
import type { Plan } from '../core/plan.ts'
import type { GateRun } from '../core/scope.ts'
import { createAccessLog } from './access-log.ts'
import type { AccessLog, AccessLogOptions } from './access-log.ts'
import { createAnnouncer } from './announcements.ts'
import { createLogOutput } from './log-output.ts'
import type { LogOutput } from './log-output.ts'
import { createLogs } from './logs.ts'
import type { Logs } from './logs.ts'

type Line = { readonly [field: string]: unknown }

const noGates: GateRun = {
  enter: () => null, proceed() {}, leaveLine() {}, raise() {}, judge() {}, spoil() {}, turn() {}, release() {},
}
const plan = { route: 'pay', upstream: 'service', doors: noGates } as Partial<Plan> as Plan
const ok: Reply = { kind: 'reply', status: 200, reason: '', headers: [], body: null, origin: 'upstream' }

interface World {
  readonly clock: VirtualClock
  readonly logs: Logs
  readonly log: AccessLog
  readonly written: string[]
  readonly lines: () => Line[]
}

function worldOf(mode: AccessLogOptions['mode'], random = () => 0.5): World {
  const clock = new VirtualClock()
  const written: string[] = []
  const output: LogOutput = { write: (line) => { written.push(line) }, dropped: () => 0, flushSync() {} }
  const logs = createLogs({ stdout: output, stderr: output, clock, level: 'info' })
  const log = createAccessLog({ mode, logger: logs.access, clock, random })
  return { clock, logs, log, written, lines: () => written.map((line) => JSON.parse(line) as Line) }
}

function exchangeOf(clock: VirtualClock, outcome: Outcome, ask: Ask = {}): Exchange {
  const exchange = new Exchange(new SimCaller(clock, ask), plan, deafOwner, clock.now())
  exchange.requestId = 'id-1'
  const code = outcome.kind === 'refused' ? outcome.code : outcome.kind === 'failed' ? outcome.fault : null
  const status = outcome.kind === 'reply' ? outcome.status : outcome.kind === 'tunnel' ? 101 : 503
  exchange.settle(outcome, code, status, clock.now())
  return exchange
}

const full: Outcome = { kind: 'refused', by: 'shed', code: 'bulkhead.full', status: 503, retryAfterMs: 0 }
const reset: Outcome = { kind: 'failed', fault: 'upstream.reset', cause: 'ECONNRESET' }

test('an exchange is one line with the words of the metrics', async (t) => {
  const { clock, log, lines } = worldOf('all')
  const headers = ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01']
  const exchange = exchangeOf(clock, full, { method: 'POST', path: '/charge?card=4242', headers })
  exchange.queuedMs = 12.3456
  log.exchangeEnded(exchange, 20.5678)
  const { time, ...line } = lines()[0] as Line
  t.match(String(time), /^\d{4}-\d\d-\d\dT/)
  t.strictSame(line, {
    level: 'warn', msg: 'exchange', route: 'pay', method: 'POST', path: '/charge', status: 503, outcome: 'refused',
    code: 'bulkhead.full', duration_ms: 20.57, queued_ms: 12.35, attempts: 0, delivered: 'no', upstream: 'service',
    request_id: 'id-1', caller: '10.0.0.1', trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
  })
})

test('errors logs refusals, failures, 5xx, callers that left and what was repeated, and nothing else', async (t) => {
  const { clock, log, lines } = worldOf('errors')
  log.exchangeEnded(exchangeOf(clock, ok), 1)
  log.exchangeEnded(exchangeOf(clock, { ...ok, status: 404 }), 1)
  log.exchangeEnded(exchangeOf(clock, { kind: 'tunnel' }), 1)
  t.equal(lines().length, 0)
  log.exchangeEnded(exchangeOf(clock, full), 1)
  log.exchangeEnded(exchangeOf(clock, reset), 1)
  log.exchangeEnded(exchangeOf(clock, { ...ok, status: 502 }), 1)
  log.exchangeEnded(exchangeOf(clock, { kind: 'abandoned', by: 'caller', elapsedMs: 1 }), 1)
  const repeated = exchangeOf(clock, ok)
  repeated.work.attempts = 2
  log.exchangeEnded(repeated, 1)
  log.unrouted({ code: 'request.malformed', remoteAddress: '10.0.0.9' })
  t.strictSame(lines().map((line) => line['level']), ['warn', 'error', 'warn', 'warn', 'warn', 'warn'])
  t.equal(lines()[1]?.['cause'], 'ECONNRESET')
  t.match(lines()[5], { route: null, status: 400, code: 'request.malformed', caller: '10.0.0.9' })
})

test('sampled adds one ordinary answer in a hundred; off says nothing', async (t) => {
  let dice = 0
  const sampled = worldOf('sampled', () => (dice++ % 100) / 100)
  for (let i = 0; i < 1000; i += 1) sampled.log.exchangeEnded(exchangeOf(sampled.clock, ok), 1)
  t.equal(sampled.lines().length, 10)
  const off = worldOf('off')
  off.log.exchangeEnded(exchangeOf(off.clock, reset), 1)
  t.equal(off.lines().length, 0)
})

test('a storm of refusals is logged up to 500 lines a second, and the rest is counted', async (t) => {
  const { clock, log, lines } = worldOf('errors')
  for (let i = 0; i < 2000; i += 1) log.exchangeEnded(exchangeOf(clock, full), 0)
  t.equal(lines().length, 500)
  t.equal(log.dropped(), 1500)
  await clock.run(1000)
  log.exchangeEnded(exchangeOf(clock, full), clock.now())
  t.equal(lines().length, 501)
})

test('nothing a caller sends can forge a line, reach a terminal or grow without end', async (t) => {
  const { clock, log, written, lines } = worldOf('all')
  const path = '/a\n{"level":"info"}\r\u001b[2J\u0085\u009b\u2028\u2029\u007f\0'
  const exchange = exchangeOf(clock, ok, { path, method: 'GET\n' })
  exchange.requestId = `${'x'.repeat(5000)}\n`
  log.exchangeEnded(exchange, 1)
  log.exchangeEnded(exchangeOf(clock, ok, { path: `/${'y'.repeat(100_000)}` }), 1)
  t.equal(written.length, 2)
  for (const line of written) {
    t.equal(line.indexOf('\n'), line.length - 1, 'one line')
    t.notMatch(line.slice(0, -1), /[\p{Cc}\u2028\u2029]/u)
    t.ok(line.length < 2000)
  }
  const logged = String(lines()[0]?.['path'])
  t.notMatch(logged, /[\p{Cc}\u2028\u2029]/u, 'also once it is parsed')
  t.ok(logged.startsWith('/a\\u000a{"level":"info"}\\u000d\\u001b[2J\\u0085\\u009b\\u2028\\u2029\\u007f\\u0000'))
})

test('credentials, keys and queries are never in a line', async (t) => {
  const { clock, log, written } = worldOf('all')
  const secret = 'hunter2'
  const headers = ['Authorization', `Bearer ${secret}`, 'Cookie', secret, 'Idempotency-Key', secret, 'X-Key', secret]
  log.exchangeEnded(exchangeOf(clock, ok, { path: `/a?token=${secret}`, headers }), 1)
  log.exchangeEnded(exchangeOf(clock, full, { path: `/a?token=${secret}`, headers }), 1)
  t.equal(written.length, 2)
  t.notMatch(written.join(''), secret)
})

test('an overridden level holds for its time and then the first one is back', async (t) => {
  const { clock, logs, log, lines } = worldOf('all')
  logs.overrideLevel('silent', 1000)
  log.exchangeEnded(exchangeOf(clock, full), 1)
  t.equal(lines().length, 0)
  t.equal(logs.level(), 'silent')
  logs.overrideLevel('error', 5000)
  await clock.run(1000)
  t.equal(logs.level(), 'error', 'the earlier override does not end the later one')
  await clock.run(5000)
  t.equal(logs.level(), 'info')
})

test('an announcement is a line that says what happened', async (t) => {
  const { logs, lines } = worldOf('off')
  const announce = createAnnouncer(logs.notices)
  announce({ what: 'drain-started', reason: 'SIGTERM' })
  announce({ what: 'defect', where: 'route pay', error: new TypeError('broken') })
  t.match(lines()[0], { level: 'info', msg: 'drain started', what: 'drain-started', reason: 'SIGTERM' })
  t.match(lines()[1], { level: 'error', what: 'defect', where: 'route pay', error: /TypeError: broken/ })
})

test('lines reach the file at the latest when the process flushes', async (t) => {
  const file = join(mkdtempSync(join(t.testdir(), 'log-')), 'access.log')
  // A descriptor, as stdout is one: a path would still have to be opened.
  const output = createLogOutput(openSync(file, 'a'), systemClock)
  const logs = createLogs({ stdout: output, stderr: output, clock: systemClock, level: 'info' })
  logs.access.info({ n: 1 }, 'exchange')
  logs.access.info({ n: 2 }, 'exchange')
  logs.flushSync()
  const lines = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Line)
  t.strictSame(lines.map((line) => line['n']), [1, 2])
  t.equal(logs.dropped(), 0)
})

test('a reader that does not read costs lines, not memory', async (t) => {
  // The descriptor is open only after a turn of the loop: until then nobody reads.
  const output = createLogOutput(join(t.testdir(), 'slow.log'), systemClock)
  const line = `${'z'.repeat(1023)}\n`
  for (let i = 0; i < 3000; i += 1) output.write(line)
  t.ok(output.dropped() > 1900 && output.dropped() < 2000, `dropped ${output.dropped()} of 3000`)
  await new Promise((resolve) => { setTimeout(resolve, 0) })
  output.flushSync()
})
