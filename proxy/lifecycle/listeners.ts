// The listeners of an instance, through reloads: those that stay are told their new options and keep their connections,
// new ones open before anything else changes, and those that go take no more connections and end those they have.

import type { Clock } from '../core/clock.ts'
import type { Configuration, ListenerOptions } from '../core/configuration.ts'
import type { EdgeServer } from '../edge/edge-server.ts'

export type MakeServer = (
  listener: ListenerOptions, configuration: Configuration, isRetired: () => boolean,
) => EdgeServer

/** Callers that sent a request on an idle connection just now get an answer instead of a reset. */
const lingerMs = 250

interface Entry {
  readonly server: EdgeServer
  listener: ListenerOptions
  isRetired: boolean
}

export class Listeners {
  readonly #make: MakeServer
  readonly #clock: Clock
  #entries: Entry[]
  readonly #retired = new Set<Entry>()

  constructor(configuration: Configuration, make: MakeServer, clock: Clock) {
    this.#make = make
    this.#clock = clock
    this.#entries = configuration.listeners.map((listener) => this.#entry(listener, configuration))
  }

  /** In the order of the configuration. */
  get servers(): readonly EdgeServer[] {
    return this.#entries.map(({ server }) => server)
  }

  /** Listens everywhere, or nowhere: when one address cannot be had the others are given back. */
  async start(): Promise<void> {
    await listenAll(this.#entries)
  }

  /**
   * Opens what is new in this configuration, or nothing: then it rejects. What it resolves to puts the rest in force,
   * and cannot fail.
   */
  async prepare(next: Configuration): Promise<() => void> {
    const fresh: Entry[] = []
    const kept = new Set<Entry>()
    const entries = next.listeners.map((listener) => {
      const known = this.#entries.find((entry) => isSameAddress(entry.listener, listener))
      if (known === undefined) {
        const entry = this.#entry(listener, next)
        fresh.push(entry)
        return entry
      }
      const isSettled = JSON.stringify(known.listener.tls) === JSON.stringify(listener.tls)
      if (!isSettled) throw new Error(tlsStays(listener.name))
      kept.add(known)
      return known
    })
    await listenAll(fresh)
    return () => {
      const gone = this.#entries.filter((entry) => !kept.has(entry))
      this.#entries = entries
      for (const [i, entry] of entries.entries()) {
        entry.listener = next.listeners[i] as ListenerOptions
        if (kept.has(entry)) entry.server.reconfigure(entry.listener, next)
      }
      for (const entry of gone) this.#retire(entry)
    }
  }

  /** Answers that are over for their exchanges, and have not left this process. */
  unsent(): number {
    let count = 0
    for (const { server } of [...this.#entries, ...this.#retired]) count += server.unsent()
    return count
  }

  closeAll(): void {
    for (const { server } of [...this.#entries, ...this.#retired]) server.closeAll()
  }

  #entry(listener: ListenerOptions, configuration: Configuration): Entry {
    const state = { isRetired: false }
    const server = this.#make(listener, configuration, () => state.isRetired)
    return Object.assign(state, { server, listener })
  }

  #retire(entry: Entry): void {
    entry.isRetired = true
    entry.server.stopAccepting()
    this.#retired.add(entry)
    this.#waitFor(entry)
  }

  #waitFor(entry: Entry): void {
    this.#clock.after(lingerMs, () => {
      entry.server.closeIdle()
      if (entry.server.connections() > 0) return this.#waitFor(entry)
      entry.server.closeAll()
      this.#retired.delete(entry)
    })
  }
}

/** Certificates are read again by themselves when their files change; where they are read from is settled. */
function tlsStays(name: string): string {
  return `Cannot change the "tls" options of listener "${name}" while it is open: restart, or open another listener `
    + 'beside it'
}

/** What a socket is bound to; everything else can be changed while it is open. */
function isSameAddress(a: ListenerOptions, b: ListenerOptions): boolean {
  return a.name === b.name && a.kind === b.kind && a.backlog === b.backlog
    && JSON.stringify(a.address) === JSON.stringify(b.address)
}

async function listenAll(entries: readonly Entry[]): Promise<void> {
  const results = await Promise.allSettled(entries.map(({ server }) => server.listen()))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed === undefined) return
  for (const { server } of entries) server.closeAll()
  throw failed.reason
}
