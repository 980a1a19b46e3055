// A whole Seawall in virtual time before a service that charges: what callers with a key are told, and what the ledger
// has of it. Several of them over one clock, one store and one service are several processes.

import { deskKey } from '../../proxy/policies/idempotency/desk.ts'
import type { Desk } from '../../proxy/policies/idempotency/desk.ts'
import { WholeBody } from '../../proxy/core/whole-body.ts'
import type { BodySink, BodySource } from '../../proxy/core/body.ts'
import type { RawHeaders } from '../../proxy/core/raw-headers.ts'
import { createAcceptor } from '../../proxy/edge/accept.ts'
import type { Acceptor } from '../../proxy/edge/accept.ts'
import { createTunnels } from '../../proxy/edge/upgrade.ts'
import { MemoryStore } from '../../proxy/stores/memory-store.ts'
import type { MemoryStoreOptions } from '../../proxy/stores/memory-store.ts'
import { join } from '../support/plans.ts'
import type { Joined, RouteSketch, Sketch } from '../support/plans.ts'
import { DistantStore } from './distant-store.ts'
import { LedgerUpstream } from './ledger-upstream.ts'
import { seededRandom } from './seeded-random.ts'
import { SimCaller } from './sim-caller.ts'
import { VirtualClock } from './virtual-clock.ts'

export interface KeyedWorldOptions {
  /** Options of the route's `idempotency`. */
  readonly idempotency?: object
  /** Other options of the route, and of its upstream. */
  readonly route?: object
  readonly upstream?: object
  readonly sketch?: Omit<Sketch, 'routes' | 'upstreams'>
  /** Routes that are asked before the one of all paths. */
  readonly routesBefore?: readonly RouteSketch[]
  readonly memory?: MemoryStoreOptions
  /** Another process beside this one. */
  readonly beside?: KeyedWorld
  readonly isShared?: boolean
}

export interface Charge {
  readonly key?: string | null
  readonly body?: string
  /** `content-type`. */
  readonly type?: string
  readonly method?: string
  readonly path?: string
  readonly headers?: RawHeaders
  readonly identity?: string
  /** The body comes so long after the head. */
  readonly slowBody?: number
}

/** A body that comes late. */
class SlowBody implements BodySource {
  readonly length: number
  readonly #bytes: Uint8Array
  readonly #clock: VirtualClock
  readonly #delayMs: number

  constructor(bytes: Uint8Array, clock: VirtualClock, delayMs: number) {
    this.length = bytes.length
    this.#bytes = bytes
    this.#clock = clock
    this.#delayMs = delayMs
  }

  flow(sink: BodySink): void {
    this.#clock.after(this.#delayMs, () => {
      sink.write(this.#bytes)
      sink.end(null)
    })
  }

  resume(): void { /* One chunk. */ }
  discard(): void { /* Nobody sends on. */ }
}

export class KeyedWorld {
  readonly clock: VirtualClock
  readonly memory: MemoryStore
  readonly store: DistantStore
  readonly upstream: LedgerUpstream
  readonly joined: Joined
  readonly callers: SimCaller[] = []
  readonly #acceptor: Acceptor

  constructor(options: KeyedWorldOptions = {}) {
    const { beside } = options
    this.clock = beside?.clock ?? new VirtualClock()
    this.memory = beside?.memory ?? new MemoryStore(this.clock, options.memory)
    this.upstream = beside?.upstream ?? new LedgerUpstream(this.clock)
    this.store = new DistantStore(this.memory, this.clock, options.isShared)
    const random = seededRandom(1, 'seawall')
    this.joined = join({
      ...options.sketch,
      routes: [
        ...options.routesBefore ?? [], { options: { idempotency: options.idempotency ?? {}, ...options.route } },
      ],
      upstreams: [{ name: 'service', startupMs: 0, options: { ...options.upstream } }],
    }, this.clock, random, this.upstream, this.store)
    this.#acceptor = createAcceptor({
      table: () => this.joined.table, clock: this.clock, random, isOpen: () => true, unrouted: () => {},
      announce: (announcement) => { this.joined.announced.push(announcement) },
      tunnels: createTunnels({ clock: this.clock }),
    })
  }

  get desk(): Desk { return this.joined.parts.part<Desk>(deskKey, () => { throw new Error('no desk') }) }

  /** One charge, now. */
  charge(charge: Charge = {}): SimCaller {
    const {
      key = 'k-1', body = '{"amount":1}', method = 'POST', path = '/charge', slowBody = 0,
      type = 'application/json', ...rest
    } = charge
    const bytes = Buffer.from(body, 'latin1')
    const caller = new SimCaller(this.clock, {
      method, path,
      body: slowBody > 0 ? new SlowBody(bytes, this.clock, slowBody) : new WholeBody([bytes], bytes.length, null),
      headers: [
        ...key === null ? [] : ['Idempotency-Key', key], 'content-type', type, ...rest.headers ?? [],
      ],
      ...rest.identity === undefined ? {} : { identity: rest.identity },
    })
    this.callers.push(caller)
    this.#acceptor.accept(caller, 'public')
    return caller
  }

  /** The same after so long, to its end. */
  async chargeAt(atMs: number, charge: Charge = {}): Promise<SimCaller> {
    await this.run(atMs)
    const caller = this.charge(charge)
    await this.run(atMs)
    return caller
  }

  run(untilMs: number): Promise<void> { return this.clock.run(untilMs) }

  /** How often the service has charged. */
  get charged(): number { return this.upstream.rows.length }

  count(result: string): number {
    const family = this.joined.meter.families().find(({ name }) => name === 'seawall_idempotency_total')
    return family?.samples().find(({ labels }) => labels?.['result'] === result)?.value ?? 0
  }

  /** What must be true when everything has come to rest. */
  broken(): string[] {
    const { record, house, announced } = this.joined
    const broken: string[] = []
    if (house.inFlight !== 0) broken.push(`${house.inFlight} are still inside`)
    const open = this.callers.filter((caller) => caller.end === null).length
    if (open !== 0) broken.push(`${open} callers were never told`)
    if (announced.some(({ what }) => what === 'defect')) broken.push(JSON.stringify(announced))
    const { held, waiters, bodies } = this.desk
    if (held.size !== 0) broken.push(`${held.size} claims are still held`)
    if (waiters.count !== 0) broken.push(`${waiters.count} still wait`)
    if (bodies.count !== 0 || bodies.bytes !== 0) broken.push(`${bodies.count} bodies, ${bodies.bytes} bytes are held`)
    const standing = [...record.exchanges, ...record.attempts].filter((scope) => scope.entered !== 0).length
    if (standing !== 0) broken.push(`${standing} scopes still stand in a gate`)
    if (this.clock.pending !== 0) broken.push(`${this.clock.pending} timers were never cleared`)
    return broken
  }
}

/** The value of a field of what a caller was told. */
export function field(caller: SimCaller, name: string): string | undefined {
  const at = caller.fields.findIndex((value, i) => i % 2 === 0 && value.toLowerCase() === name)
  return at < 0 ? undefined : caller.fields[at + 1]
}
