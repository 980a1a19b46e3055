// What callers that only take places cost the others: the answers of everybody else beside a thousand heads that never
// end, and the memory of thousands of idle connections against that of a bare server.
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { nodeHttp } from '../contenders/neighbours.ts'
import { seawall } from '../contenders/seawall.ts'
import type { Experiment, ExperimentOptions, Findings } from '../experiment.ts'
import { startOrigin } from '../ground.ts'
import type { Ground } from '../ground.ts'
import { freePort } from '../processes.ts'
import type { RunningProcess } from '../processes.ts'
import { memoryOf } from '../procfs.ts'
import { median } from '../statistics.ts'
import { short } from '../table.ts'

const slowHeads = 1000
/** As many as fit beside others below the default of 10,000. */
const idleConnections = 9900
const goodCallers = 8
const pauseMs = 2
const allowedRatio = 1.2
const allowedMemoryRatio = 1.3

export const abuse: Experiment = {
  name: 'abuse',
  summary: `others beside ${slowHeads} endless heads; memory of ${idleConnections} idle connections`,
  defaults: { seconds: 6, rounds: 5, rate: 0 },
  short: { seconds: 1, rounds: 1, rate: 0 },
  parts: ['slow-heads', 'idle'],
  run: measure,
}

async function measure(ground: Ground, options: ExperimentOptions): Promise<Findings> {
  const wants = (part: string): boolean => options.parts.length === 0 || options.parts.includes(part)
  const origin = await startOrigin(ground, 'origin.ts')
  const others = wants('slow-heads') ? await besideSlowHeads(ground, origin.port, options) : []
  const idle = wants('idle') ? await idleCosts(ground, origin.port) : []
  const ratio = others.length === 0 ? 0 : median(others.map((round) => round.withMs / round.withoutMs))
  const [own, bare] = [idle.find(({ name }) => name === 'seawall'), idle.find(({ name }) => name === 'bare node:http')]
  return {
    tables: [
      { title: `p99 of others beside ${slowHeads} heads that never end, ms`, columns: ['round', 'without', 'with',
        'ratio'],
        rows: others.map(({ withoutMs, withMs }, i) =>
          [String(i + 1), short(withoutMs), short(withMs), short(withMs / withoutMs)]) },
      { title: `Memory of ${idleConnections} idle keep-alive connections`, columns: ['server', 'before MiB',
        'after MiB', 'KiB each'],
        rows: idle.map(({ name, beforeBytes, afterBytes }) => [name, short(beforeBytes / 2 ** 20),
          short(afterBytes / 2 ** 20), short((afterBytes - beforeBytes) / idleConnections / 1024)]) },
    ].filter(({ rows }) => rows.length > 0),
    panels: [],
    notes: [
      `Others: ${goodCallers} keep-alive callers, each ${pauseMs} ms after its answer; without and with in turn.`,
      'Memory: proportional set of the process before, and when all connections have asked once and are silent.',
    ],
    data: { others, idle },
    checks: [
      ...(others.length === 0 ? [] : [{
        claim: `the p99 of others stays within ${allowedRatio} of what it is without them (median ${short(ratio)})`,
        holds: ratio <= allowedRatio,
      }]),
      ...(own === undefined || bare === undefined ? [] : [{
        claim: `an idle process full of connections takes at most ${allowedMemoryRatio} of a bare server's memory`,
        holds: own.afterBytes <= bare.afterBytes * allowedMemoryRatio,
      }]),
    ],
  }
}

interface Round { readonly withoutMs: number; readonly withMs: number }

async function besideSlowHeads(ground: Ground, originPort: number, { seconds,
  rounds }: ExperimentOptions): Promise<Round[]> {
  const subject = await seawall().start(ground, originPort)
  const found: Round[] = []
  await p99Of(subject.port, seconds)
  for (let round = 0; round < rounds; round++) {
    ground.progress(`slow heads ${round + 1} of ${rounds}`)
    const withoutMs = await p99Of(subject.port, seconds)
    const crowd = await startCrowd(ground, subject.port, 'slow-heads', slowHeads)
    const withMs = await p99Of(subject.port, seconds)
    await crowd.stop()
    found.push({ withoutMs, withMs })
  }
  await subject.stop()
  return found
}

interface IdleCost { readonly name: string; readonly beforeBytes: number; readonly afterBytes: number }

async function idleCosts(ground: Ground, originPort: number): Promise<IdleCost[]> {
  const found: IdleCost[] = []
  const bare = async (): Promise<{ port: number, pid: number, stop(): Promise<void> }> => {
    const running = await startOrigin(ground, 'bare-server.ts')
    return { port: running.port, pid: running.pid, stop: () => running.stop() }
  }
  const servers = [['seawall', () => seawall().start(ground, originPort)], ['bare node:http', bare],
    ['node:http proxy', () => nodeHttp.start(ground, originPort)]] as const
  for (const [name, start] of servers) {
    ground.progress(`idle connections: ${name}`)
    const subject = await start()
    await p99Of(subject.port, 2)
    const beforeBytes = memoryOf(subject.pid ?? 0).pssBytes
    const crowd = await startCrowd(ground, subject.port, 'idle', idleConnections)
    await new Promise((resolve) => { setTimeout(resolve, 3000) })
    found.push({ name, beforeBytes, afterBytes: memoryOf(subject.pid ?? 0).pssBytes })
    await crowd.stop()
    await subject.stop()
  }
  return found
}

async function startCrowd({ processes, cpus }: Ground, port: number, kind: string,
  count: number): Promise<RunningProcess> {
  const readyPort = await freePort()
  const entry = fileURLToPath(new URL('../crowd.ts', import.meta.url))
  return processes.serve({
    name: kind, command: process.execPath, args: [entry, String(readyPort), String(port), kind, String(count)],
    cpu: cpus.load, port: readyPort,
  })
}

/** The 99th percentile of a few well-behaved callers, ms. */
async function p99Of(port: number, seconds: number): Promise<number> {
  const took: number[] = []
  const endsAt = performance.now() + seconds * 1000
  await Promise.all(Array.from({ length: goodCallers }, async () => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    while (performance.now() < endsAt) {
      const startedAt = performance.now()
      await oneExchange(socket)
      took.push(performance.now() - startedAt)
      await new Promise((resolve) => { setTimeout(resolve, pauseMs) })
    }
    socket.destroy()
  }))
  took.sort((a, b) => a - b)
  return took[Math.floor(took.length * 0.99)] ?? NaN
}

function oneExchange(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const cut = (): void => reject(new Error('a good caller was cut'))
    socket.once('close', cut)
    socket.once('data', () => {
      socket.off('close', cut)
      resolve()
    })
    socket.write('GET / HTTP/1.1\r\nhost: bench\r\n\r\n')
  })
}
