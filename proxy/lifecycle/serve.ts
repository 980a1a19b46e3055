// From a valid configuration to a process that serves, and to its end: telling, instance, admin and probe listeners,
// and the drain, started in this order and ended in the other. What signals mean, and what is printed, is decided
// above.

import { readFileSync } from 'node:fs'
import { startAdmin } from '../admin/admin.ts'
import type { ReloadResult } from '../admin/changes.ts'
import type { Listening } from '../admin/listener.ts'
import { startProbe } from '../admin/probe.ts'
import type { HealthSource, Readiness } from '../admin/probe.ts'
import type { KeyRecords } from '../admin/idempotency.ts'
import type { Clock } from '../core/clock.ts'
import type { Configuration } from '../core/configuration.ts'
import type { Random } from '../core/random.ts'
import type { Steps } from '../core/steps.ts'
import { gaugesOf, inspect } from '../observe/inspect.ts'
import type { Status } from '../observe/inspect.ts'
import { holdBreakers } from './breaker-override.ts'
import type { Door } from '../policies/shed/door.ts'
import { doorKey } from '../policies/shed/door.ts'
import { createDrain } from './drain.ts'
import type { Drain, DrainTimes } from './drain.ts'
import { partsOf } from './figures.ts'
import { Instance } from './instance.ts'
import { keyRecordsOf } from './key-records.ts'
import { ModeOverride } from './mode-override.ts'
import { Reloader } from './reload.ts'
import type { Read } from './reload.ts'
import { shutDown } from './shutdown.ts'
import { Start } from './start.ts'
import { createTelling } from './telling.ts'
import type { Telling } from './telling.ts'
import { WatchedFiles } from './watched-files.ts'

/** A configuration, and what can be said of it. */
export interface Loaded {
  readonly configuration: Configuration
  /** The body of GET /admin/config: every effective value with its origin, secrets masked. */
  readonly effective: () => unknown
}

export interface ServeOptions extends Loaded {
  /** Reads the configuration again; null where there is no file. */
  readonly read: (() => Steps<Read<Loaded>>) | null
  readonly version: string
  readonly clock: Clock
  readonly random: Random
}

/** Between two calls of a service that finishes its work there may be this much time. */
const egressQuietMs = 1_000
/** A start that failed, or was given up, has nothing to finish. */
const failedStartMs = 1_000
/** Nobody has been served: there is nobody to go on serving. */
const beforeStart: DrainTimes = { delayMs: 0, timeoutMs: 2 * failedStartMs, egressQuietMs: 0 }

export class Serving {
  readonly #options: ServeOptions
  readonly #telling: Telling
  readonly #instance: Instance
  readonly #drain: Drain
  readonly #mode: ModeOverride
  readonly #reloader: Reloader<Loaded> | null
  readonly #files: WatchedFiles
  #effective: () => unknown
  readonly #startedAt: number
  #listeners: Listening[] = []
  readonly #start = new Start(() => this.#isLeaving)
  /** Resolves when everything is over: whether nothing was cut and every part closed. */
  readonly ended: Promise<boolean>

  constructor(options: ServeOptions) {
    const { configuration, clock, random } = options
    this.#options = options
    this.#startedAt = clock.now()
    this.#telling = createTelling(configuration, clock, random, () => gaugesOf(this.status()))
    const { announce, observer, meter, unrouted } = this.#telling
    const instance = this.#instance = new Instance({
      configuration, clock, random, announce, observer, meter, unrouted,
    })
    this.#effective = options.effective
    this.#mode = new ModeOverride(configuration, clock, (changed) => instance.recompile(changed))
    this.#reloader = options.read === null ? null : this.#makeReloader(options.read)
    this.#files = new WatchedFiles(clock, readFileSync, (path) => { void this.reload(`${path} has changed`) })
    this.#files.follow(configuration)
    this.#drain = createDrain({
      clock, announce, house: instance.house,
      times: () => this.#start.isDone ? this.#drainTimes() : beforeStart,
      inFlight: () => instance.house.inFlight + this.#tunnelCount() + instance.unsent(),
      isServiceGone: () => instance.isServiceGone(),
      turnAway: () => { instance.turnAway() },
    })
    this.ended = this.#drain.finished.then(async ({ cut, closeMs }) => {
      await this.#start.over(clock, failedStartMs)
      return await this.#stop(closeMs) && cut === 0
    })
  }

  /** Where requests are accepted, and where it is looked after. */
  get urls(): { listeners: Status['listeners']; admin: string; probe: string | null } {
    const [admin, probe] = this.#listeners
    return { listeners: this.#listenerFigures(), admin: admin?.url ?? '', probe: probe?.url ?? null }
  }

  /**
   * Opens every listener, or none; rejects with one line that says which and why. Resolves to whether it serves: false
   * when it was told to leave meanwhile, at the latest when that is over.
   */
  async start(): Promise<boolean> {
    const instance = this.#instance
    const steps = [() => instance.open(), () => instance.listen(), () => this.#openOwnListeners()]
    try {
      await Promise.race([this.#start.take(steps), this.ended])
    } catch (error) {
      await this.#stop(failedStartMs)
      throw error
    }
    return this.#start.isDone
  }

  /** Admin and probe. */
  async #openOwnListeners(): Promise<void> {
    const { admin, probe } = this.#options.configuration
    // On record at every log level, which can be changed from there. Set afterwards: a child that is made with the
    // level of its parent goes on following it.
    const audit = this.#telling.logs.notices.child({})
    audit.level = 'info'
    this.#listeners.push(await startAdmin({
      ...this.#health(), ...admin,
      status: () => this.status(),
      configuration: () => this.#effective(),
      audit: (entry) => { audit.info(entry, 'admin') },
      drain: () => this.drain('POST /admin/drain'),
      ...(this.#reloader === null ? {} : { reload: () => this.reload('POST /admin/reload') }),
      keyRecords: this.#keyRecords(),
      setMode: (change) => this.#mode.set(change),
      setBreaker: (change) => holdBreakers(this.#instance.parts, change, this.#options.clock.now()),
      overrideLogLevel: (level, forMs) => { this.#telling.logs.overrideLevel(level, forMs) },
    }))
    if (probe !== null) this.#listeners.push(await startProbe({ ...this.#health(), ...probe }))
  }

  /** Begins to leave; false when that had begun before. */
  drain(reason: string): boolean {
    return this.#drain.begin(reason)
  }

  /** Asked twice: everything ends now. */
  endNow(reason: string): void {
    this.#drain.hurry(reason)
  }

  /** Reads the configuration again, once it serves. `reason` is for the log. */
  async reload(reason: string): Promise<ReloadResult> {
    await this.#start.settled
    if (this.#reloader !== null) return this.#reloader.reload(reason)
    const faults = ['this instance was started without a file; there is nothing to read again']
    this.#telling.announce({ what: 'configuration-rejected', reason, faults })
    return { isApplied: false, faults }
  }

  status(): Status {
    const { version, clock } = this.#options
    const { configuration } = this.#instance
    return inspect({
      version,
      configuration: () => ({ file: configuration.file, hash: configuration.hash, mode: this.#mode.current.mode }),
      uptimeSeconds: () => (clock.now() - this.#startedAt) / 1000,
      listeners: () => this.#listenerFigures(),
      upstreams: () => configuration.upstreams,
      routes: () => this.#mode.current.routes,
      parts: () => [...partsOf(this.#instance), ...this.#telling.metrics.objectives.parts()],
      drain: () => this.#drain.figures(),
      logDropped: () => this.#telling.logDropped(),
    })
  }

  get #isLeaving(): boolean {
    return this.#drain.phase !== 'serving'
  }

  #drainTimes(): DrainTimes {
    const { drain, listeners } = this.#instance.configuration
    return { ...drain, egressQuietMs: listeners.some(({ kind }) => kind === 'egress') ? egressQuietMs : 0 }
  }

  #listenerFigures(): Status['listeners'] {
    const { listeners: { servers }, configuration } = this.#instance
    return configuration.listeners.map(({ name, kind }, i) => ({ name, kind, url: servers[i]?.address ?? '' }))
  }

  #keyRecords(): KeyRecords {
    const { records, parts } = this.#instance
    return keyRecordsOf({ store: () => records.store, configuration: () => this.#instance.configuration, parts })
  }

  #health(): HealthSource {
    return {
      readiness: () => this.#readiness(),
      isStarted: () => this.#start.isDone,
      page: this.#telling.metrics.page,
    }
  }

  #readiness(): Readiness {
    const reasons: string[] = []
    if (!this.#start.isDone) reasons.push('not every listener is open')
    if (this.#isLeaving) reasons.push('draining')
    if (this.#instance.configuration.readiness.includeUpstream) {
      for (const [name, door] of this.#instance.parts.named<Door>(doorKey)) {
        if (door.readiness.waiting > 0) reasons.push(`upstream ${name} refuses connections`)
      }
    }
    return { isReady: reasons.length === 0, reasons }
  }

  #tunnelCount(): number {
    let count = 0
    for (const name of this.#instance.upstreams.names) count += this.#instance.tunnels.count(name)
    return count
  }

  #makeReloader(read: () => Steps<Read<Loaded>>): Reloader<Loaded> {
    const { announce, meter } = this.#telling
    return new Reloader({
      read, announce, clock: this.#options.clock,
      current: () => this.#instance.configuration,
      count: (result) => { meter.counter('seawall_config_reloads_total', { result }).add() },
      apply: async ({ configuration, effective }) => {
        await this.#instance.change(configuration, () => this.#telling.reloaded(configuration))
        this.#mode.rebase(configuration)
        this.#effective = effective
        this.#files.follow(configuration)
      },
    })
  }

  #stop(withinMs: number): Promise<boolean> {
    this.#files.close()
    const { clock } = this.#options
    const steps = [
      { name: 'reload', close: () => this.#reloader?.close() },
      { name: 'instance', close: () => this.#instance.stop() },
      { name: 'stores', close: () => this.#instance.records.close() },
      ...this.#listeners.map((listener) => ({ name: listener.url, close: () => listener.close() })),
      { name: 'logs', close: () => this.#telling.close() },
    ]
    return shutDown(steps, { clock, withinMs, announce: this.#telling.announce })
  }
}
