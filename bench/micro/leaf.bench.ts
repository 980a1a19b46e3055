// CPU a request of every leaf behind the Upstream interface, alternating, against a constant origin: what the choice of
// a leaf costs, without the edge and the policies. It measures no latency and no failure.
// Run: taskset -c 0 node bench/origin.ts PORT &  taskset -c 1 node bench/micro/leaf.bench.ts PORT [ROUNDS]

import { Attempt } from '../../proxy/core/attempt.ts'
import type { AttemptOwner } from '../../proxy/core/attempt.ts'
import type { BodySink, BodySource } from '../../proxy/core/body.ts'
import type { Caller } from '../../proxy/core/caller.ts'
import { systemClock } from '../../proxy/core/clock.ts'
import { Exchange } from '../../proxy/core/exchange.ts'
import type { Outcome } from '../../proxy/core/outcome.ts'
import type { Plan } from '../../proxy/core/plan.ts'
import { systemRandom } from '../../proxy/core/random.ts'
import type { RawHeaders } from '../../proxy/core/raw-headers.ts'
import type { GateRun } from '../../proxy/core/scope.ts'
import type { Upstream } from '../../proxy/core/upstream.ts'
import { createHttp1Upstream } from '../../proxy/upstream/http1-upstream.ts'
import type { LeafFactory } from '../../proxy/upstream/leaf-fixture.ts'
import { createUndiciUpstream } from '../../proxy/upstream/undici-upstream.ts'

const leaves: readonly { readonly name: string; readonly create: LeafFactory }[] = [
  { name: 'http1', create: createHttp1Upstream },
  { name: 'undici', create: createUndiciUpstream },
]

const concurrency = 32
const warmUp = 5000
const uploadBytes = Buffer.alloc(1024, 'x')

const fields: RawHeaders = [
  'Host', 'shop.example', 'User-Agent', 'bench/1', 'Accept', '*/*', 'X-Request-Id', '0123456789abcdef0123456789abcdef',
  'Traceparent', '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01', 'Connection', 'keep-alive',
]

interface Load {
  readonly method: 'GET' | 'POST'
  readonly count: number
  readonly headers: RawHeaders
}

const loads: readonly Load[] = [
  { method: 'GET', count: 50_000, headers: fields },
  {
    method: 'POST', count: 20_000,
    headers: [...fields, 'Content-Type', 'application/json', 'Content-Length', String(uploadBytes.length)],
  },
]

const openGates: GateRun = { enter: () => null, proceed() {}, leaveLine() {}, judge() {}, release() {} }
const owner: AttemptOwner = { ready() {}, ended() {} }
const exchangeOwner = { decided() {}, expired() {} }

const plan: Plan = {
  route: 'bench', index: 0, listener: 'bench', upstream: 'bench', upstreamIndex: 0, endpoints: [], doors: openGates,
  handle: () => { throw new Error('no layers in this bench') },
  forwarding: {
    host: null, stripPrefix: '', requestRemove: new Set(), requestSet: [], responseRemove: new Set(), responseSet: [],
    trusts: () => false,
  },
  isStream: false, maxBodyBytes: Infinity,
  observer: { attemptEnded() {}, exchangeEnded() {}, wouldRefuse() {} },
}

/** A body that lies ready, as it does when head and body came in one read. */
function readyBody(): BodySource {
  return {
    length: uploadBytes.length,
    flow(sink) {
      sink.write(uploadBytes)
      sink.end(null)
    },
    resume() {},
    discard() {},
  }
}

function callerOf(load: Load): Caller {
  return {
    head: {
      method: load.method, target: '/charge?currency=eur', path: '/charge', authority: 'shop.example',
      headers: load.headers, version: 1, expectsContinue: false,
    },
    body: load.method === 'POST' ? readyBody() : null,
    remoteAddress: '127.0.0.1', isSecure: false,
    inform() {},
    answer: () => { throw new Error('nobody to answer in this bench') },
    refuse() {}, cut() {}, onGone: null, onDone: null,
  }
}

/** Sends `count` requests, `concurrency` at a time, each read to its end. Rejects at the first that fails. */
function send(upstream: Upstream, load: Load, count: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let begun = 0
  let ended = 0
  const done = (): void => {
    ended++
    if (ended === count) resolve()
    else if (begun < count) queueMicrotask(next)
  }
  const sink: BodySink = { write: () => true, end: done, fail: (cause) => { reject(new Error(cause)) } }
  const settled = (outcome: Outcome): void => {
    if (outcome.kind !== 'reply' || outcome.status !== 200) return reject(new Error(JSON.stringify(outcome)))
    if (outcome.body === null) done()
    else outcome.body.flow(sink)
  }
  const next = (): void => {
    begun++
    const now = systemClock.now()
    const exchange = new Exchange(callerOf(load), plan, exchangeOwner, now)
    exchange.requestId = '0123456789abcdef0123456789abcdef'
    upstream.send(new Attempt(exchange.work, 'first', openGates, owner, systemClock, settled, now))
  }
  for (let i = 0; i < concurrency; i++) next()
  return promise
}

async function cpuOf(create: LeafFactory, port: number, load: Load, count: number): Promise<number> {
  const upstream = create({
    name: 'bench', clock: systemClock, random: systemRandom,
    endpoints: [{ url: `http://127.0.0.1:${port}`, host: '127.0.0.1', port, isSecure: false }],
    timeouts: { connectMs: 1000, idleMs: 60_000, keepAliveMs: 4000 },
  })
  await send(upstream, load, concurrency)
  const before = process.cpuUsage()
  await send(upstream, load, count)
  const used = process.cpuUsage(before)
  upstream.close()
  return (used.user + used.system) / count
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number
}

async function main(port: number, rounds: number): Promise<void> {
  for (const load of loads) {
    for (const leaf of leaves) await cpuOf(leaf.create, port, load, warmUp)
    const figures = leaves.map((): number[] => [])
    for (let round = 0; round < rounds; round++) {
      for (const [i, leaf] of leaves.entries()) figures[i]?.push(await cpuOf(leaf.create, port, load, load.count))
    }
    for (const [i, leaf] of leaves.entries()) {
      const of = figures[i] ?? []
      const label = load.method.padEnd(5) + leaf.name.padEnd(8)
      const all = of.map((value) => value.toFixed(1)).join(' ')
      console.log(`${label}${median(of).toFixed(1)} µs of CPU a request  [${all}]`)
    }
  }
}

await main(Number(process.argv[2]), Number(process.argv[3] ?? 5))
