// The endpoints of an upstream whose names stand for several addresses: asks for each name again and again, makes an
// endpoint of every address where there are several, and says when they have changed. A name with one address stays
// what it is configured as: the connections themselves ask for it.

import { isIP } from 'node:net'
import type { LookupAddress } from 'node:dns'
import type { Clock, Timer } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import type { Endpoint } from '../core/upstream.ts'
import { askSystem } from './name-lookup.ts'
import type { Lookup } from './name-lookup.ts'

/** Between two questions for one name, a fifth more or less: the resolver of the system says nothing of how long. */
const askEveryMs = 5_000
const jitter = 0.2

/** An address has gone when it is missing from so many answers in a row: one answer may hold a part of the record. */
const missesAllowed = 1

/** Addresses of one name that are endpoints of their own; those beyond are not used. */
export const mostAddresses = 64

export interface NamedEndpointsOptions {
  /** As configured. */
  readonly endpoints: readonly Endpoint[]
  readonly clock: Clock
  readonly random: Random
  /** The system's unless given. */
  readonly lookup?: Lookup | undefined
  /** Called with another list, in the order of the configuration. */
  readonly changed: (endpoints: readonly Endpoint[]) => void
}

/** Whether the addresses of an endpoint can change. */
export const hasName = ({ host }: Endpoint): boolean => isIP(host) === 0

export class NamedEndpoints {
  readonly #options: NamedEndpointsOptions
  readonly #entries: readonly Entry[]
  readonly #timers = new Set<Timer>()
  #isClosed = false

  constructor(options: NamedEndpointsOptions) {
    this.#options = options
    this.#entries = options.endpoints.map((endpoint) => new Entry(endpoint))
  }

  /** Asks for the names from now on, until it is closed. */
  begin(): void {
    for (const entry of this.#entries) if (hasName(entry.configured)) this.#ask(entry)
  }

  close(): void {
    this.#isClosed = true
    for (const timer of this.#timers) timer.clear()
    this.#timers.clear()
  }

  #ask(entry: Entry): void {
    const { clock, random, changed, lookup = askSystem } = this.#options
    lookup(entry.configured.host, (error, addresses) => {
      if (this.#isClosed) return
      const isChanged = entry.answered(error, error === null ? addresses : [])
      if (isChanged) changed(this.#entries.flatMap(({ endpoints }) => endpoints))
      const timer = clock.after(askEveryMs * (1 - jitter + 2 * jitter * random()), () => {
        this.#timers.delete(timer)
        this.#ask(entry)
      })
      this.#timers.add(timer)
    })
  }
}

/** One configured endpoint, and what its name stands for. */
class Entry {
  readonly configured: Endpoint
  /** Itself, or one for each of several addresses. */
  endpoints: readonly Endpoint[]
  /** Every address that is there, and how many answers in a row it was missing from. */
  #misses = new Map<string, number>()
  #hasAnswer = false

  constructor(configured: Endpoint) {
    this.configured = configured
    this.endpoints = [configured]
  }

  /** Takes an answer over; whether the endpoints are others now. */
  answered(error: Error | null, addresses: readonly LookupAddress[]): boolean {
    // What cannot be asked has not changed. A name that does not exist, on the other hand, has no addresses.
    if (error !== null && !isGone(error)) return false
    const preferred = addresses.filter(({ family }) => family === addresses[0]?.family)
    const seen = new Set(preferred.map(({ address }) => address))
    const misses = new Map<string, number>()
    for (const [address, missed] of this.#misses) {
      if (seen.has(address)) misses.set(address, 0)
      else if (missed < missesAllowed) misses.set(address, missed + 1)
    }
    const known = this.#misses
    for (const address of seen) if (misses.size < mostAddresses) misses.set(address, 0)
    this.#misses = misses
    const old = this.endpoints
    this.endpoints = misses.size < 2 ? [this.configured] : [...misses.keys()].map((address) =>
      old.find((endpoint) => endpoint.address === address) ?? this.#endpointAt(address, !known.has(address)))
    this.#hasAnswer = true
    return old.length !== this.endpoints.length || this.endpoints.some((endpoint, i) => endpoint !== old[i])
  }

  #endpointAt(address: string, isNew: boolean): Endpoint {
    const { configured } = this
    return { ...configured, url: `${configured.url}#${address}`, address, isLatecomer: isNew && this.#hasAnswer }
  }
}

/** "There is no such name", as opposed to "ask again later". */
const isGone = (error: Error): boolean =>
  'code' in error && (error.code === 'ENOTFOUND' || error.code === 'EAI_NODATA' || error.code === 'EAI_NONAME')
