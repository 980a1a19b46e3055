// A whole Seawall in virtual time: a real compiled plan and the real way of a request, between simulated callers and a
// simulated upstream. No socket, no wall clock; the same seed is the same run.

import { createAcceptor } from '../../proxy/edge/accept.ts'
import type { Acceptor } from '../../proxy/edge/accept.ts'
import { createTunnels } from '../../proxy/edge/upgrade.ts'
import type { Upstream } from '../../proxy/core/upstream.ts'
import type { RecordStore } from '../../proxy/core/record-store.ts'
import { compile } from '../../proxy/pipeline/compile.ts'
import type { RouteTable } from '../../proxy/pipeline/route-table.ts'
import { configurationOf, join } from '../support/plans.ts'
import type { Joined, Sketch } from '../support/plans.ts'
import { exponential, seededRandom } from './seeded-random.ts'
import { SimCaller } from './sim-caller.ts'
import type { Ask } from './sim-caller.ts'
import { SimUpstream } from './sim-upstream.ts'
import type { Behaviour } from './sim-upstream.ts'
import { VirtualClock } from './virtual-clock.ts'

export interface WorldOptions {
  readonly seed?: number
  readonly sketch?: Sketch
  readonly upstream?: Partial<Behaviour>
  /** Upstreams of another kind, by name, instead of the one. */
  readonly upstreams?: (clock: VirtualClock) => (name: string) => Upstream
  /** Where records of keys are kept. */
  readonly records?: (clock: VirtualClock) => RecordStore
  /** Several endpoints: how each differs from `upstream`. */
  readonly hosts?: readonly Partial<Behaviour>[]
}

/** One population of callers that come whether or not they are served. */
export interface Arrivals {
  readonly ratePerSecond: number
  readonly fromMs: number
  readonly untilMs: number
  readonly ask?: Ask
  /** They leave when they have waited this long; Infinity: never. */
  readonly patienceMs?: number
}

export class World {
  readonly seed: number
  readonly clock: VirtualClock
  readonly upstream: SimUpstream
  readonly joined: Joined
  readonly callers: SimCaller[] = []
  readonly unrouted: string[] = []
  readonly #acceptor: Acceptor
  #table: RouteTable

  constructor(options: WorldOptions = {}) {
    this.seed = options.seed ?? 1
    this.clock = new VirtualClock()
    this.upstream = new SimUpstream('service', this.clock, options.upstream, options.hosts)
    const random = seededRandom(this.seed, 'seawall')
    const upstream = options.upstreams?.(this.clock) ?? this.upstream
    this.joined = join(options.sketch ?? {}, this.clock, random, upstream, options.records?.(this.clock) ?? null)
    this.#table = this.joined.table
    this.#acceptor = createAcceptor({
      table: () => this.#table,
      isOpen: () => true,
      clock: this.clock,
      random,
      announce: (announcement) => { this.joined.announced.push(announcement) },
      unrouted: (code) => { this.unrouted.push(code) },
      tunnels: createTunnels({ clock: this.clock }),
    })
  }

  /** One request, now; by a caller of another kind where one is given. */
  ask(ask: Ask = {}, caller = new SimCaller(this.clock, ask)): SimCaller {
    this.callers.push(caller)
    this.#acceptor.accept(caller, ask.listener ?? 'public')
    return caller
  }

  /** Another configuration over the same parts, from the next request on. */
  reload(sketch: Sketch): void {
    this.#table = compile(configurationOf(sketch), this.joined.ground)
  }

  /** The last call of a drain. */
  turnAway(): void {
    this.#acceptor.turnAway()
  }

  /** Plans Poisson arrivals; they happen when the world runs. */
  arrive(arrivals: Arrivals, name = 'arrivals'): void {
    const random = seededRandom(this.seed, name)
    const next = (): void => {
      if (this.clock.now() >= arrivals.untilMs) return
      const caller = this.ask(arrivals.ask)
      const patienceMs = arrivals.patienceMs ?? Infinity
      if (patienceMs !== Infinity) this.clock.after(patienceMs, () => caller.leave())
      this.clock.after(exponential(random, 1000 / arrivals.ratePerSecond), next)
    }
    this.clock.after(arrivals.fromMs + exponential(random, 1000 / arrivals.ratePerSecond), next)
  }

  run(untilMs: number): Promise<void> {
    return this.clock.run(untilMs)
  }

  /** Laws that hold in every world at rest; the names of those that are broken. */
  broken(): string[] {
    const { record, house } = this.joined
    const broken: string[] = []
    if (house.inFlight !== 0) broken.push(`${house.inFlight} exchanges are still inside`)
    const open = this.callers.filter((caller) => caller.end === null).length
    if (open !== 0) broken.push(`${open} callers were never told`)
    const twice = this.callers.filter(({ answers }) => answers > 1).length
    if (twice !== 0) broken.push(`${twice} callers were told twice, or after their end`)
    const defects = this.joined.announced.filter(({ what }) => what === 'defect').length
    if (defects !== 0) broken.push(`${defects} defects`)
    if (record.exchanges.length + this.unrouted.length !== this.callers.length) {
      broken.push(`${this.callers.length} callers, ${record.exchanges.length} exchanges ended`)
    }
    if (new Set(record.exchanges).size !== record.exchanges.length) broken.push('an exchange ended twice')
    if (new Set(record.attempts).size !== record.attempts.length) broken.push('an attempt ended twice')
    const unreleased = [...record.exchanges, ...record.attempts].filter((scope) => scope.entered !== 0).length
    if (unreleased !== 0) broken.push(`${unreleased} scopes still stand in a gate`)
    if (this.clock.pending !== 0) broken.push(`${this.clock.pending} timers were never cleared`)
    return broken
  }
}
