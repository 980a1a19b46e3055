// Half an hour of everything at once: callers of every kind before an origin of every fault. Does memory grow, and is
// anything left when they have gone: a socket, a timer, a permit, a claim? Measures no speed.
import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startSeawallWith } from '../contenders/seawall.ts'
import type { OwnSubject } from '../contenders/seawall.ts'
import type { Check, Experiment, ExperimentOptions, Findings } from '../experiment.ts'
import { startOrigin } from '../ground.ts'
import type { Ground } from '../ground.ts'
import { memoryDuring } from '../memory-samples.ts'
import type { MemoryCourse } from '../memory-samples.ts'
import { short } from '../table.ts'
import { memoryPanel, memoryTable } from './memory-report.ts'

/** Until then caches fill, code is compiled and heaps find their size; at the most, as a share of the run. */
const settlesWithinSeconds = 300
const settlesWithinShare = 0.4
/** A heap's own restlessness, over the whole measured time. */
const allowedGrowthShare = 0.1
const allowedGrowthBytes = 8 * 1024 ** 2
/** Kept connections and waits of whatever has ended are over by then. */
const quietSeconds = 15

export const soak: Experiment = {
  name: 'soak',
  summary: 'memory, sockets, timers and permits through half an hour of mixed load and faults',
  defaults: { seconds: 1800, rounds: 0, rate: 0 },
  short: { seconds: 120, rounds: 0, rate: 0 },
  maxSeconds: 24 * 3600,
  run: watch,
}

async function watch(ground: Ground, { seconds }: ExperimentOptions): Promise<Findings> {
  const origin = await startOrigin(ground, 'faulty-origin.ts')
  const subject = await startSeawallWith(ground, 'seawall', (ports) => configuration(ports, origin.port))
  const before = await leftIn(subject)
  let told: Record<string, number> = {}
  const course = await memoryDuring(subject.pid, async () => {
    told = await mixedCallers(ground, subject.port, seconds)
  })
  ground.progress(`quiet for ${quietSeconds} s`)
  await pause(quietSeconds * 1000)
  const after = await leftIn(subject)
  await subject.stop()
  const growth = growthOf(course)
  const asked = Object.values(told).reduce((sum, count) => sum + count, 0)
  return {
    tables: [
      memoryTable('Memory: MiB resident', [{ name: 'seawall', course }], 'requests', () => short(asked)),
      { title: 'What is there', columns: ['of', 'before', 'after'],
        rows: Object.keys(after).map((what) => [what, String(before[what] ?? 0), String(after[what])]) },
      { title: 'What callers were told', columns: ['caller and answer', 'times'],
        rows: Object.entries(told).toSorted(([a], [b]) => a.localeCompare(b))
          .map(([what, times]) => [what, String(times)]) },
    ],
    panels: [memoryPanel('Memory under mixed load and faults', [{ name: 'seawall', course }])],
    notes: [
      `${short(asked)} requests in ${short(seconds / 60)} minutes, then ${quietSeconds} s of quiet.`,
      `Growth: a line through the lowest of each twelfth of the settled time, ${short(growth.MiBPerHour)} MiB an hour.`,
    ],
    data: { told, before, after, growth, course },
    checks: checksOf(growth, before, after, told),
  }
}

function checksOf(growth: Growth, before: Left, after: Left, told: Readonly<Record<string, number>>): Check[] {
  const left = Object.keys(after).filter((what) => (after[what] ?? 0) > (before[what] ?? 0))
  const bad = Object.keys(told).filter((what) => /^(?:read|large|slow) (?!200)|^keyed (?!201)/.test(what))
  return [
    {
      claim: `memory does not grow beyond noise: ${short(growth.bytes / 2 ** 20)} MiB over the settled time`,
      holds: growth.bytes <= Math.max(allowedGrowthBytes, growth.levelBytes * allowedGrowthShare),
    },
    {
      claim: `nothing is left of those who have gone${left.length === 0 ? '' : `: ${left.join(', ')}`}`,
      holds: left.length === 0,
    },
    {
      claim: `who asks for what works is answered${bad.length === 0 ? '' : `: ${bad.join(', ')}`}`,
      holds: bad.length === 0,
    },
  ]
}

interface Growth { readonly levelBytes: number; readonly bytes: number; readonly MiBPerHour: number }

/**
 * The slope of what stays after a collection: heaps go up and down by themselves, so of each twelfth of the settled
 * time only its lowest value counts.
 */
function growthOf({ samples }: MemoryCourse): Growth {
  const seconds = samples.at(-1)?.atSeconds ?? 0
  const from = Math.min(settlesWithinSeconds, seconds * settlesWithinShare)
  const span = (seconds - from) / 12
  const points = Array.from({ length: 12 }, (_, i): readonly [number, number] => {
    const own = samples.filter(({ atSeconds }) => atSeconds >= from + i * span && atSeconds <= from + (i + 1) * span)
    return [from + (i + 0.5) * span, Math.min(...own.map(({ anonymousBytes }) => anonymousBytes))]
  }).filter(([, bytes]) => bytes !== Infinity)
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))]
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
    / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return { levelBytes: meanY, bytes: slope * (seconds - from), MiBPerHour: slope * 3600 / 2 ** 20 }
}

/** Everything of which there must be no more afterwards than before. */
type Left = Readonly<Record<string, number>>

async function leftIn({ pid, adminPort }: OwnSubject): Promise<Left> {
  const page = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
  const sum = (family: string): number => [...page.matchAll(new RegExp(`^${family}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))]
    .reduce((total, [, value]) => total + Number(value), 0)
  const status = await (await fetch(`http://127.0.0.1:${adminPort}/admin/status`)).text()
  const shown = (figure: string): number => [...status.matchAll(new RegExp(`"${figure}":(\\d+)`, 'g'))]
    .reduce((total, [, value]) => total + Number(value), 0)
  return {
    sockets: socketsOf(pid),
    timers: sum('nodejs_active_resources\\{type="Timeout"\\}'),
    permits: sum('seawall_in_flight'),
    queued: sum('seawall_queue_depth'),
    streams: sum('seawall_streams'),
    tunnels: sum('seawall_tunnels'),
    ...Object.fromEntries(['ghosts', 'held', 'waiters', 'lookups', 'bodiesHeld', 'bytesHeld', 'unrecorded']
      .map((figure) => [figure, shown(figure)])),
  }
}

function socketsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:')
    } catch {
      // Closed between the two looks.
      return false
    }
  }).length
}

async function mixedCallers({ processes, cpus }: Ground, port: number, seconds: number):
Promise<Record<string, number>> {
  const output = await processes.run({
    name: 'mixed callers', command: process.execPath, cpu: cpus.load, boundMs: (seconds + 60) * 1000,
    args: [fileURLToPath(new URL('../mixed-callers.ts', import.meta.url)), String(port), String(seconds)],
  })
  return JSON.parse(output) as Record<string, number>
}

function configuration({ port, adminPort }: { port: number, adminPort: number }, originPort: number): unknown {
  const route = (name: string, path: string, rest: object = {}): object => ({
    name, listener: 'public', upstream: 'origin', match: { path }, deadline: { default: '10s', max: '10s' },
    // Faults of one path are not to close the others.
    breaker: 'off', ...rest,
  })
  return {
    version: 1,
    listeners: { public: { kind: 'ingress', listen: `127.0.0.1:${port}` } },
    admin: { listen: `127.0.0.1:${adminPort}` },
    drain: { delay: 0, timeout: '1s' },
    accessLog: 'off',
    // A disk that others keep busy is not what this is about.
    stores: { idempotency: { type: 'lmdb', path: './records', timeout: '5s' } },
    upstreams: {
      origin: { endpoints: [`http://127.0.0.1:${originPort}`], limit: 'off', bulkhead: { maxConcurrent: 256 },
        breaker: 'off' },
    },
    routes: [
      { ...route('charge', '/charge', { idempotency: { scope: 'none', ttl: '1m' } }),
        match: { methods: ['POST'], path: '/charge' } },
      route('events', '/events', { stream: true }),
      route('catalogue', '/catalogue', { retry: { maxAttempts: 3 }, hedge: { after: 'p95' },
        fallback: { on: ['upstream.timeout'], lastGood: { maxStale: '5m' } } }),
      ...['error', 'full', 'reset', 'cut'].map((name) => route(name, `/${name}`, { retry: { maxAttempts: 3 } })),
      route('everything', '/*'),
    ],
  }
}
