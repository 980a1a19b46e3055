// Restarts of two instances in turn, each with its own service beside it, behind a balancer and under load: what every
// caller was told, and what stands in the ledgers of the services and of their provider.

import { Agent, request } from 'node:http'
import type { Test } from 'tap'
import { ask } from './asking.ts'
import { startBalancer } from './balancer.ts'
import { startPicture } from './charge-picture.ts'
import type { Picture } from './charge-picture.ts'
import type { Running } from './seawall.ts'

export interface Told { readonly key: string; readonly status: number; readonly text: string }

export interface Rolled {
  readonly told: readonly Told[]
  /** `id key status` of every charge, sorted, as the services have it and as the provider has it. */
  readonly services: readonly string[]
  readonly provider: readonly string[]
  /** References that were charged more than once. */
  readonly doubles: readonly string[]
  /** Whether each process that was told to stop ended by itself, with nothing cut. */
  readonly endings: readonly Ending[]
}

export interface Ending {
  readonly code: number | null
  readonly tookMs: number
  /** What it said that is no everyday matter, exchanges that did not go well among it. */
  readonly warnings: readonly string[]
}

export interface RollingOptions {
  readonly restarts: number
  /** Callers that each send the next charge as soon as they have the answer. */
  readonly callers: number
}

/** Longer than a few of the balancer's questions. */
const drainDelay = '500ms'

export async function rolling(t: Test, { restarts, callers }: RollingOptions): Promise<Rolled> {
  const first = await startPicture(t, { drainDelay })
  const second = await startPicture(t, { drainDelay, simulator: first.simulator })
  const pair = [first, second]
  // So that there is something in flight at every signal.
  first.simulator.setBehaviour('provider', { latency: 40 })
  const balancer = await startBalancer(t, pair.map(({ ports }) => ({ port: ports.public, probePort: ports.probe })))
  const load = startLoad(balancer.port, callers)
  const running: Running[] = pair.map(({ seawall }) => seawall)
  const endings: Ending[] = []
  for (let i = 0; i < restarts; i++) {
    const one = i % pair.length
    const startedAt = performance.now()
    const ending = running[one] as Running
    const { code } = await ending.stop()
    const warnings = `${ending.stdout}\n${ending.stderr}`.split('\n')
      .filter((line) => /"level":"(?:warn|error)"/.test(line))
    endings.push({ code, tookMs: performance.now() - startedAt, warnings })
    running[one] = await (pair[one] as Picture).startAgain()
    await balancer.untilUp(pair.length)
  }
  const told = await load.stop()
  return { told, endings, ...await ledgersOf(pair) }
}

async function ledgersOf(pair: readonly Picture[]): Promise<Pick<Rolled, 'services' | 'provider' | 'doubles'>> {
  const { ledger } = (pair[0] as Picture).simulator
  const services = await Promise.all(pair.map(async ({ ports, adminToken }) => {
    const headers = { authorization: `Bearer ${adminToken}` }
    const { body } = await ask(ports.service, '/admin/ledger', { headers })
    return (JSON.parse(body) as { charges: { id: string; idempotencyKey: string; status: string }[] }).charges
  }))
  return {
    services: services.flat().map(({ id, idempotencyKey, status }) => `${id} ${idempotencyKey} ${status}`).toSorted(),
    provider: ledger.charges.map(({ reference, key }) => `${reference} ${key} succeeded`).toSorted(),
    doubles: Object.keys(ledger.summary().doubleReferences),
  }
}

/** Callers as there are many: a connection each, kept as long as it is let. */
function startLoad(port: number, callers: number): { stop(): Promise<readonly Told[]> } {
  const told: Told[] = []
  const state = { isOver: false }
  const all = Array.from({ length: callers }, async (_, caller) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let n = 0; !state.isOver; n++) told.push(await charge(port, agent, `key-${caller}-${n}`))
    agent.destroy()
  })
  return {
    async stop(): Promise<readonly Told[]> {
      state.isOver = true
      await Promise.all(all)
      return told
    },
  }
}

function charge(port: number, agent: Agent, key: string): Promise<Told> {
  const body = JSON.stringify({ amount: 1999, currency: 'EUR', customer: 'ada', source: 'tok_visa' })
  const headers = { 'content-type': 'application/json', 'content-length': body.length, 'idempotency-key': key }
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, path: '/charge', method: 'POST', headers, agent }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => { text += chunk })
      answer.on('error', (error) => { resolve({ key, status: 0, text: error.message }) })
      answer.on('end', () => { resolve({ key, status: answer.statusCode ?? 0, text }) })
    })
    sent.on('error', (error) => { resolve({ key, status: 0, text: error.message }) })
    sent.end(body)
  })
}
