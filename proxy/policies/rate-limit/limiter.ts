// HOT PATH — runs for every request of a route with rate limits. Rules: docs/decisions/0004.
// One limit of a route: whose key a request has, and whether that key may come now. It decides here and at once; what
// several instances know of a key together only makes it stricter, from the background.

import type { DueTable } from '../../algorithms/due-table.ts'
import { nextDue, waitMs } from '../../algorithms/gcra.ts'
import type { Rate } from '../../algorithms/gcra.ts'
import { clientAddress, clientNetwork } from '../../core/client-address.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Counter } from '../../core/meter.ts'
import type { RawHeaders } from '../../core/raw-headers.ts'
import { firstValue } from '../../core/raw-headers.ts'
import type { LimitOptions } from './schema.ts'

/** What instances that share a limit tell each other, as far as this one knows. Never waited for. */
export interface SharedLimit {
  /** How long the others' requests keep this key away, ms; 0: not at all, or nothing is known. */
  waitMs(key: string, now: number): number
  /** A request of that key was admitted here. */
  spent(key: string, now: number): void
}

export interface LimiterParts {
  readonly table: DueTable
  readonly shared: SharedLimit | null
  readonly admitted: Counter
  readonly refused: Counter
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

type KeyOf = (exchange: Exchange) => string

export class Limiter {
  readonly name: string
  readonly rate: Rate
  readonly admitted: Counter
  readonly refused: Counter
  readonly #policy: string
  readonly #parts: LimiterParts
  readonly #keyOf: KeyOf
  /** What `wait` found, for `spend` in the same turn. */
  #key = ''
  #place = 0

  constructor(options: LimitOptions, parts: LimiterParts) {
    this.name = limitName(options)
    this.rate = rateOf(options)
    const { burst } = this.rate
    this.admitted = parts.admitted
    this.refused = parts.refused
    this.#parts = parts
    this.#keyOf = keyOf(options.key)
    this.#policy = `"${this.name}";q=${burst};w=${Math.max(1, Math.ceil(burst * this.rate.intervalMs / 1000))}`
  }

  /** How long the key of this exchange has to wait, ms; 0: it may come. */
  wait(exchange: Exchange, now: number): number {
    const { table, shared } = this.#parts
    const key = this.#key = this.#keyOf(exchange)
    this.#place = table.find(key, now)
    const own = waitMs(this.rate, table.due(this.#place), now)
    return shared === null ? own : Math.max(own, shared.waitMs(key, now))
  }

  /** The exchange that `wait` was asked for a moment ago comes in. */
  spend(now: number): void {
    const { table, shared } = this.#parts
    table.set(this.#place, nextDue(this.rate, table.due(this.#place), now))
    shared?.spent(this.#key, now)
  }

  /** The fields of a refusal (draft-ietf-httpapi-ratelimit-headers): nothing is left, and when that changes. */
  fields(waitMs: number): RawHeaders {
    return [
      'ratelimit-policy', this.#policy, 'ratelimit', `"${this.name}";r=0;t=${Math.max(1, Math.ceil(waitMs / 1000))}`,
      'idempotency-status', 'not-processed',
    ]
  }
}

/** `50/s` with what may come at once. */
export function rateOf({ rate, burst }: LimitOptions): Rate {
  const [count, unit] = rate.split('/') as [string, string]
  return { intervalMs: (unitMs[unit] as number) / Number(count), burst: burst ?? Number(count) }
}

/** The name it has, or one made of its key: `header:x-merchant` is `header-x-merchant`. */
export function limitName({ name, key }: LimitOptions): string {
  return name ?? [key].flat().join('-').replace(/[^a-z0-9-]/gi, '-').toLowerCase()
}

function keyOf(key: LimitOptions['key']): KeyOf {
  const parts = [key].flat().map(partOf)
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only
  // Values may contain anything but a line break.
  return (exchange) => parts.map((part) => part(exchange)).join('\n')
}

function partOf(key: string): KeyOf {
  if (key === 'ip') {
    return ({ caller, plan }) =>
      clientNetwork(clientAddress(caller.head, caller.remoteAddress, plan.forwarding.trusts))
  }
  if (key.startsWith('header:')) {
    const name = key.slice('header:'.length).toLowerCase()
    return ({ caller }) => firstValue(caller.head.headers, name) ?? ''
  }
  if (key === 'identity') return ({ caller }) => caller.identity ?? ''
  return () => ''
}
