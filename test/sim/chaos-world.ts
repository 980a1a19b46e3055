// Everything at once, drawn from a seed: a configuration in which any policies meet, upstreams that do whatever they
// like, callers who leave, a store that fails, a service that calls out for its callers, reloads, a drain. It says what
// must hold when all has come to rest.

import type { Attempt } from '../../proxy/core/attempt.ts'
import { isIdempotent } from '../../proxy/core/methods.ts'
import type { Random } from '../../proxy/core/random.ts'
import type { Cluster } from '../../proxy/policies/balance/cluster.ts'
import { deskKey } from '../../proxy/policies/idempotency/desk.ts'
import type { Desk } from '../../proxy/policies/idempotency/desk.ts'
import { doorKey } from '../../proxy/policies/shed/door.ts'
import type { Door } from '../../proxy/policies/shed/door.ts'
import { MemoryStore } from '../../proxy/stores/memory-store.ts'
import type { Sketch } from '../support/plans.ts'
import { chaosSketch } from './chaos-sketch.ts'
import { calm, ChaosUpstream } from './chaos-upstream.ts'
import type { Chaos } from './chaos-upstream.ts'
import { DistantStore } from './distant-store.ts'
import { DrippingBody } from './dripping-body.ts'
import { exponential, seededRandom } from './seeded-random.ts'
import type { SimCaller } from './sim-caller.ts'
import type { VirtualClock } from './virtual-clock.ts'
import { World } from './world.ts'

const methods = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'POST', 'POST', 'PUT', 'DELETE']
/** How long the rush takes, and when everything that began in it is over: late windows, leases, backoffs. */
const rushMs = 4_000
const restMs = 400_000

export class ChaosWorld {
  readonly world: World
  readonly store: DistantStore
  readonly bodies: DrippingBody[] = []
  readonly #random: Random
  /** Every leaf there has been, with those that a reload has replaced. */
  readonly leaves: ChaosUpstream[] = []
  readonly #byName = new Map<string, ChaosUpstream>()
  /** The configurations there have been. */
  readonly #sketches: Sketch[]
  readonly #chaos: Chaos

  constructor(seed: number) {
    this.#random = seededRandom(seed, 'everything')
    this.#chaos = this.#drawChaos()
    const sketch = chaosSketch(this.#random)
    this.#sketches = [sketch]
    let store: DistantStore | null = null
    this.world = new World({
      seed, sketch,
      upstreams: (clock) => (name) => this.#byName.get(name) ?? this.#leaf(name, clock, seed),
      records: (clock) => store = this.#drawStore(clock),
    })
    this.store = store as unknown as DistantStore
  }

  get desk(): Desk { return this.world.joined.parts.part<Desk>(deskKey, () => { throw new Error('no desk') }) }

  /** The rush, and the rest after it. */
  async run(): Promise<void> {
    const { world } = this
    for (let at = 0; at < rushMs; at += exponential(this.#random, 40)) {
      world.clock.after(at, () => { this.#ask('public') })
    }
    if (this.#is(0.5)) world.clock.after(this.#random() * rushMs, () => { this.#reload() })
    if (this.#is(0.5)) world.clock.after(this.#random() * rushMs, () => { this.#reload() })
    if (this.#is(0.2)) {
      world.clock.after(this.#random() * rushMs, () => { world.joined.house.refuse() })
      world.clock.after(rushMs, () => { world.turnAway() })
    }
    await world.run(rushMs)
    this.store.word = () => 'ok'
    for (const leaf of this.leaves) leaf.chaos = calm
    await world.run(restMs)
  }

  /** Calm callers, one a second: how many of the last ten are served. */
  async recovers(): Promise<number> {
    const { world } = this
    world.joined.house.phase = 'serving'
    const asked: SimCaller[] = []
    for (let i = 1; i <= 40; i++) {
      world.clock.after(i * 1_000, () => { asked.push(world.ask({ path: '/x', method: 'GET' })) })
    }
    await world.run(2 * restMs)
    return asked.slice(-10).filter(({ status }) => status === 200).length
  }

  /** The names of the laws that do not hold at rest. */
  broken(): string[] {
    const { world } = this
    return [
      ...world.broken(), ...this.#doors(), ...this.#keys(), ...this.#sentTwice(),
      ...count('attempts were never ended', this.leaves.reduce((sum, { open }) => sum + open.size, 0)),
      ...count('sleepers are still in the house', world.joined.house.sleepers.size),
      ...count('bodies were read twice', this.bodies.filter(({ flows }) => flows > 1).length),
    ]
  }

  #doors(): string[] {
    const { parts } = this.world.joined
    const doors = [...parts.named<Door>(doorKey)].flatMap(([name, door]) => [
      ...count(`permits of ${name} are in use`, door.admission.inUse), ...count(`ghosts of ${name}`, door.ghosts),
      ...count(`streams of ${name}`, door.streams), ...count(`bypassing ${name}`, door.bypassing),
      ...count(`wait for ${name}`, door.admission.line.length), ...count(`bytes at ${name}`, door.admission.line.bytes),
    ])
    const clusters = [...parts.named<Cluster>('balance:')].flatMap(([name, { balancer }]) =>
      count(`under way at ${name}`, balancer.records.reduce((sum, { load }) => sum + load.pending, 0)))
    return [...doors, ...clusters]
  }

  #keys(): string[] {
    if ([...this.world.joined.parts.named(deskKey)].length === 0) return []
    const { held, waiters, bodies, underway } = this.desk
    const counts = this.store.counts()
    return [
      ...count('claims are held', held.size), ...count('wait for a key', waiters.count),
      ...count('bodies are kept', bodies.count), ...count('bytes of bodies', bodies.bytes),
      ...count('keys are under way', underway.size),
      // Whoever only observes writes once, and lets it be where the store fails.
      ...count('keys are in flight', 'inFlight' in counts && !this.#observesKeys ? counts.inFlight : 0),
    ]
  }

  get #observesKeys(): boolean {
    return this.#sketches.some(({ mode, routes }) => mode === 'observe'
      || routes?.some(({ policyModes }) => policyModes?.['recall'] === 'observe'))
  }

  /** What may have acted is sent again only where that is harmless. */
  #sentTwice(): string[] {
    const sent = this.world.joined.record.attempts.filter(({ sentAt }) => sentAt >= 0)
    const byWork = Map.groupBy(sent, ({ work }) => work)
    return [...byWork].filter(([{ exchange }, attempts]) => attempts.length > 1
      && !isIdempotent(exchange.caller.head.method)
      && !this.#sketches.some((sketch) => deduplicates(sketch, attempts)))
      .map(([{ exchange }]) => `${exchange.caller.head.method} ${exchange.caller.head.path} was sent twice`)
  }

  #ask(listener: string, more: readonly string[] = []): void {
    const { clock } = this.world
    const method = methods[Math.floor(this.#random() * methods.length)] as string
    const hasBody = method === 'POST' || method === 'PUT'
    const headers = ['content-type', 'text/plain', ...more]
    if (this.#is(0.7)) headers.push('Idempotency-Key', `k-${Math.floor(this.#random() * 40)}`)
    if (this.#is(0.2)) headers.push('x-request-timeout-ms', String(1 + Math.floor(this.#random() * 300)))
    if (this.#is(0.3)) headers.push('x-request-priority', 'sheddable')
    const body = hasBody ? new DrippingBody(clock, this.#random) : null
    if (body !== null) this.bodies.push(body)
    const caller = this.world.ask({
      listener, method, path: this.#is(0.7) ? '/x' : '/y', headers, ...body === null ? {} : { body },
    })
    if (body !== null) body.caller = caller
    // Everybody leaves some day: nothing else ends what hangs where there is no deadline.
    clock.after(this.#is(0.3) ? exponential(this.#random, 30) : 60_000, () => { caller.leave() })
  }

  /** The service calls somebody for its caller, as often as not without reading the answer. */
  #called({ work }: Attempt): void {
    const { exchange } = work
    if (exchange.plan.listener !== 'public' || exchange.traceId === '' || !this.#is(0.3)) return
    this.#ask('out', ['traceparent', `00-${exchange.traceId}-${exchange.spanId}-01`])
  }

  #reload(): void {
    const sketch = chaosSketch(this.#random)
    this.#sketches.push(sketch)
    if (this.#is(0.5)) this.#byName.clear()
    this.world.reload(sketch)
  }

  #leaf(name: string, clock: VirtualClock, seed: number): ChaosUpstream {
    const hosts = Array.from({ length: 1 + Math.floor(this.#random() * 3) }, (_, i) => `${name}-${i}.sim`)
    if (this.#is(0.3)) hosts.shift()
    if (hosts.length === 0) hosts.push(`${name}-9.sim`)
    const leaf = new ChaosUpstream(name, hosts, clock, seededRandom(seed, `leaf ${this.leaves.length}`), this.#chaos)
    leaf.onCall = (attempt) => { this.#called(attempt) }
    this.leaves.push(leaf)
    this.#byName.set(name, leaf)
    return leaf
  }

  #drawStore(clock: VirtualClock): DistantStore {
    const store = new DistantStore(new MemoryStore(clock), clock, this.#is(0.5))
    if (this.#is(0.6)) store.delayMs = exponential(this.#random, 10)
    const faults = this.#is(0.3) ? 0.1 : 0
    store.word = () => this.#is(faults) ? (this.#is(0.5) ? 'down' : 'lost') : 'ok'
    return store
  }

  #drawChaos(): Chaos {
    const some = (most: number): number => this.#is(0.5) ? 0 : this.#random() * most
    return {
      refused: some(0.5), hangs: some(0.3), resets: some(0.4), bodyBreaks: some(0.3), bodyHangs: some(0.3),
      failures: some(0.8), waits: some(0.5), early: some(0.3), meanMs: 1 + this.#random() * 60,
    }
  }

  #is(part: number): boolean { return this.#random() < part }
}

function deduplicates({ upstreams }: Sketch, attempts: readonly Attempt[]): boolean {
  const name = (attempts[0] as Attempt).owner.upstream
  return upstreams?.some((upstream) => upstream.name === name && upstream.options?.['deduplicates'] !== undefined)
    ?? false
}

function count(what: string, number: number): string[] {
  return number === 0 ? [] : [`${number} ${what}`]
}
