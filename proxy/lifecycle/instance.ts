// One running Seawall: everything a configuration asks for, made, joined and started in the order in which it depends
// on each other, and stopped the other way round. It parses nothing and prints nothing.

import type { Announce } from '../core/announce.ts'
import type { Caller } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import type { Configuration } from '../core/configuration.ts'
import { House } from '../core/house.ts'
import type { Meter } from '../core/meter.ts'
import type { Observer } from '../core/plan.ts'
import { traceId } from '../core/random.ts'
import type { Random } from '../core/random.ts'
import type { Code } from '../core/codes.ts'
import type { Upstream } from '../core/upstream.ts'
import { createAcceptor } from '../edge/accept.ts'
import { EdgeServer } from '../edge/edge-server.ts'
import { createTunnels } from '../edge/upgrade.ts'
import type { Tunnels } from '../edge/upgrade.ts'
import { compile } from '../pipeline/compile.ts'
import type { Ground } from '../pipeline/compile.ts'
import { Parts } from '../pipeline/parts.ts'
import type { RouteTable } from '../pipeline/route-table.ts'
import { leafOf } from './leaves.ts'

export interface InstanceOptions {
  readonly configuration: Configuration
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  readonly observer: Observer
  readonly meter: Meter
  /** Counts what was refused before a route was known. */
  readonly unrouted: (code: Code, caller?: Caller) => void
}

export class Instance {
  readonly configuration: Configuration
  readonly house = new House()
  readonly parts = new Parts()
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly tunnels: Tunnels
  readonly servers: readonly EdgeServer[]
  readonly #ground: Ground
  #table: RouteTable

  constructor(options: InstanceOptions) {
    const { configuration, clock, random, announce, unrouted } = options
    this.configuration = configuration
    this.upstreams = new Map(configuration.upstreams.map((upstream) =>
      [upstream.name, leafOf(upstream, clock, random)]))
    this.tunnels = createTunnels({ clock })
    // A service may hand our Via on to its own calls, and another Seawall may stand behind: only a request that comes
    // back to the same listener of the same process has gone round.
    const process = traceId(random).slice(0, 8)
    const viaOf = (listener: string): string => `seawall-${process}-${listener}`
    this.#ground = {
      viaOf,
      clock, random, announce, observer: options.observer, meter: options.meter, house: this.house,
      parts: this.parts,
      upstreamOf: (name) => this.upstreams.get(name) as Upstream,
    }
    this.#table = compile(configuration, this.#ground)
    const acceptor = createAcceptor({
      table: () => this.#table, clock, random, announce, unrouted, tunnels: this.tunnels,
    })
    this.servers = configuration.listeners.map((listener) => new EdgeServer({
      listener, limits: configuration.limits, timeouts: configuration.timeouts, clock, announce, unrouted,
      viaPseudonym: viaOf(listener.name),
      accept: (caller, name) => acceptor.accept(caller, name),
      isDraining: () => listener.kind === 'ingress' && this.house.phase !== 'serving',
    }))
  }

  /** Listens everywhere, or nowhere: when one address cannot be had the others are given back. */
  async start(): Promise<void> {
    const results = await Promise.allSettled(this.servers.map((server) => server.listen()))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed === undefined) return
    this.stop()
    throw failed.reason
  }

  /** New plans over the same parts, for the exchanges that begin from now on; names must be those it was made with. */
  recompile(configuration: Configuration): void {
    this.#table = compile(configuration, this.#ground)
  }

  /** Answers that are over for their exchanges, and have not left this process. */
  unsent(): number {
    let count = 0
    for (const server of this.servers) count += server.unsent()
    return count
  }

  /** Ends everything now. */
  stop(): void {
    for (const server of this.servers) server.closeAll()
    this.tunnels.closeAll()
    for (const upstream of this.upstreams.values()) upstream.close()
  }
}
