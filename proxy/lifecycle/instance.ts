// One running Seawall: everything a configuration asks for, made, joined and started in the order in which it depends
// on each other, and stopped the other way round. It parses nothing and prints nothing.

import type { Announce } from '../core/announce.ts'
import type { Caller } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import type { Configuration } from '../core/configuration.ts'
import { House } from '../core/house.ts'
import type { Counter, Meter } from '../core/meter.ts'
import type { Observer } from '../core/plan.ts'
import { traceId } from '../core/random.ts'
import type { Random } from '../core/random.ts'
import type { Code } from '../core/codes.ts'
import { createAcceptor } from '../edge/accept.ts'
import type { Acceptor } from '../edge/accept.ts'
import type { ConnectionLimit } from '../edge/connection-shares.ts'
import { EdgeServer } from '../edge/edge-server.ts'
import { createTunnels } from '../edge/upgrade.ts'
import type { Tunnels } from '../edge/upgrade.ts'
import { compile } from '../pipeline/compile.ts'
import type { Ground } from '../pipeline/compile.ts'
import { Parts } from '../pipeline/parts.ts'
import { healthChecksKey } from '../policies/balance/health-checks.ts'
import type { HealthChecks } from '../policies/balance/health-checks.ts'
import type { RouteTable } from '../pipeline/route-table.ts'
import { LeafSet } from './leaf-set.ts'
import { leafOf } from './leaves.ts'
import { RateSharing } from './rate-sharing.ts'
import { RecordKeeping } from './record-keeping.ts'
import { Listeners } from './listeners.ts'
import { mostOpenFiles, withinOpenFiles } from './open-files.ts'

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

/** A service beside us accepts at once; one that takes longer is there, and busy. */
const serviceProbeMs = 200
const isRefusal = /ECONNREFUSED|ENOENT/

export class Instance {
  readonly house = new House()
  readonly parts = new Parts()
  readonly upstreams: LeafSet
  readonly tunnels: Tunnels
  readonly listeners: Listeners
  readonly records: RecordKeeping
  readonly #sharing: RateSharing
  readonly #acceptor: Acceptor
  #ground: Ground
  #table: RouteTable
  #configuration: Configuration
  readonly #announce: Announce

  constructor(options: InstanceOptions) {
    const { configuration, clock, random, announce, unrouted } = options
    this.#announce = announce
    this.#configuration = configuration
    this.upstreams = new LeafSet(configuration.upstreams, (upstream) => leafOf(upstream, options))
    this.tunnels = createTunnels({ clock })
    this.records = new RecordKeeping(configuration, this.parts, clock, announce)
    this.#sharing = new RateSharing(configuration, announce, options.meter)
    // A service may hand our Via on to its own calls, and another Seawall may stand behind: only a request that comes
    // back to the same listener of the same process has gone round.
    const process = traceId(random).slice(0, 8)
    const viaOf = (listener: string): string => `seawall-${process}-${listener}`
    this.#ground = {
      viaOf,
      clock, random, announce, observer: options.observer, meter: options.meter, house: this.house,
      parts: this.parts,
      records: this.records.store,
      sharing: this.#sharing,
      upstreamOf: (name) => this.upstreams.get(name),
    }
    this.#table = compile(configuration, this.#ground)
    const acceptor = this.#acceptor = createAcceptor({
      table: () => this.#table, clock, random, announce, unrouted, tunnels: this.tunnels,
      isOpen: (listener) => this.#configuration.listeners.some(({ name }) => name === listener),
    })
    const fitting = this.#withinFiles(configuration)
    this.listeners = new Listeners(fitting, (listener, { limits, timeouts }, isRetired) => new EdgeServer({
      listener, limits, timeouts, clock, announce, unrouted,
      turnedAway: countTurnedAway(options.meter, listener.name),
      viaPseudonym: viaOf(listener.name),
      accept: (caller, name) => acceptor.accept(caller, name),
      isDraining: () => isRetired() || (listener.kind === 'ingress' && this.house.phase !== 'serving'),
    }), clock)
  }

  /** What is in force. */
  get configuration(): Configuration {
    return this.#configuration
  }

  /** Opens the stores; what needs one may be asked for from then on. */
  async open(): Promise<void> {
    await this.records.open()
  }

  /** Listens everywhere, or nowhere: when one address cannot be had the others are given back. */
  async listen(): Promise<void> {
    try {
      await this.listeners.start()
    } catch (error) {
      this.stop()
      throw error
    }
  }

  /** Both, one after the other. */
  async start(): Promise<void> {
    await this.open()
    await this.listen()
  }

  /** New plans over the same parts, for the exchanges that begin from now on; names must be those in force. */
  recompile(configuration: Configuration): void {
    this.#table = compile(configuration, this.#ground)
  }

  /**
   * Another configuration, as a whole or not at all: rejects, with nothing changed, when a listener cannot be opened.
   * Exchanges that are under way end with the plan they began with.
   */
  async change(configuration: Configuration, observer: () => Observer): Promise<void> {
    const fault = this.#sharing.fault(configuration)
    if (fault !== null) throw new Error(fault)
    await this.records.prepare(configuration, this.#configuration)
    const changeListeners = await this.listeners.prepare(this.#withinFiles(configuration))
    const closeOld = this.upstreams.change(configuration.upstreams)
    this.#ground = { ...this.#ground, observer: observer(), records: this.records.store }
    this.#table = compile(configuration, this.#ground)
    this.#configuration = configuration
    changeListeners()
    closeOld()
    this.#stopChecks(new Set(configuration.upstreams.map(({ name }) => name)))
  }

  /** Answers that are over for their exchanges, and have not left this process. */
  unsent(): number {
    return this.listeners.unsent()
  }

  /** Who still waits at a door is told that it is closing. */
  turnAway(): void {
    this.#acceptor.turnAway()
  }

  /** Whether nobody listens any more where the requests of callers go. Never rejects. */
  async isServiceGone(): Promise<boolean> {
    const { listeners, routes } = this.#configuration
    const ingress = new Set(listeners.filter(({ kind }) => kind === 'ingress').map(({ name }) => name))
    const services = new Set(routes.filter(({ listener }) => ingress.has(listener)).map(({ upstream }) => upstream))
    const seen = await Promise.all([...services].map((name) => this.upstreams.get(name).probe(serviceProbeMs)))
    return seen.length > 0 && seen.every((refusal) => refusal !== null && isRefusal.test(refusal))
  }

  /** Ends everything now. */
  stop(): void {
    this.listeners.closeAll()
    this.tunnels.closeAll()
    this.upstreams.close()
    this.#sharing.close()
    this.#stopChecks(new Set())
  }

  /** What the system leaves of the limits of its listeners; told where one caller alone could take all of that. */
  #withinFiles(configuration: Configuration): Configuration {
    const openFiles = mostOpenFiles()
    const fitting = withinOpenFiles(configuration, openFiles)
    const { connections, connectionsPerCaller } = fitting.limits
    if (fitting !== configuration && connections < connectionsPerCaller) {
      const { connections: configured } = configuration.limits
      this.#announce({ what: 'connections-bounded', configured, connections, openFiles })
    }
    return fitting
  }

  /** Checks end with their upstream, or with everything. */
  #stopChecks(kept: ReadonlySet<string>): void {
    for (const [name, checks] of this.parts.named<HealthChecks>(healthChecksKey)) if (!kept.has(name)) checks.stop()
  }
}

/** Both series are there from the start, so that the first rise can be seen. */
function countTurnedAway(meter: Meter, listener: string): (limit: ConnectionLimit) => void {
  const counterOf = (limit: ConnectionLimit): Counter =>
    meter.counter('seawall_connections_refused_total', { listener, limit })
  const counters = { connections: counterOf('connections'), connectionsPerCaller: counterOf('connectionsPerCaller') }
  return (limit) => { counters[limit].add() }
}
