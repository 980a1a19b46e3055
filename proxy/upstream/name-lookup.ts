// Looks up the name of an endpoint for its connections: one question at a time however many connections wait, all
// addresses in turn, and what was known last while the resolver itself cannot be reached.

import { lookup as systemLookup } from 'node:dns'
import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'

export type Addresses = (error: Error | null, addresses: readonly LookupAddress[]) => void

/** Asks for every address of a name, once. */
export type Lookup = (name: string, answer: Addresses) => void

/** Each question takes a thread of four that everything shares: an answer serves a burst of connections. */
const freshMs = 1000

/** A resolver that fails says nothing of the name; for this long the last answer is better than none. */
const staleMs = 300_000

/** "Ask again later", as opposed to "there is no such name". */
const isTemporary = (error: Error): boolean => 'code' in error && error.code === 'EAI_AGAIN'

/** The resolver of the system. */
export const askSystem: Lookup = (name, answer) => { systemLookup(name, { all: true }, answer) }

export interface NameLookupOptions {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  /** The system's unless given. */
  readonly lookup?: Lookup | undefined
}

export class NameLookup {
  readonly #options: NameLookupOptions
  #addresses: readonly LookupAddress[] = []
  #answeredAt = -Infinity
  #waiting: Addresses[] | null = null

  constructor(options: NameLookupOptions) {
    this.#options = options
  }

  /** As sockets ask. */
  readonly resolve: LookupFunction = (_name, { all }, answer) => {
    this.#ask((error, addresses) => {
      const [first] = addresses
      if (error !== null || first === undefined) answer(error ?? notFound(this.#options.name), '', 0)
      else if (all === true) answer(null, shuffled(addresses, this.#options.random))
      else answer(null, first.address, first.family)
    })
  }

  #ask(answer: Addresses): void {
    const { name, clock, lookup = askSystem } = this.#options
    if (clock.now() - this.#answeredAt < freshMs) return answer(null, this.#addresses)
    if (this.#waiting !== null) {
      this.#waiting.push(answer)
      return
    }
    this.#waiting = [answer]
    lookup(name, (error, addresses) => { this.#answered(error, addresses) })
  }

  #answered(error: Error | null, addresses: readonly LookupAddress[]): void {
    const waiting = this.#waiting ?? []
    this.#waiting = null
    const now = this.#options.clock.now()
    const isKept = error !== null && isTemporary(error) && now - this.#answeredAt < staleMs
    if (error === null) {
      this.#addresses = addresses
      this.#answeredAt = now
    }
    for (const answer of waiting) answer(isKept ? null : error, this.#addresses)
  }
}

function notFound(name: string): Error {
  return Object.assign(new Error(`no address for ${name}`), { code: 'ENOTFOUND' })
}

/** Each family in an order of chance, so that connections spread; the families as the resolver prefers them. */
function shuffled(addresses: readonly LookupAddress[], random: Random): LookupAddress[] {
  const preferred = addresses[0]?.family
  const ranked = addresses.map((address) => ({ address, rank: random() + (address.family === preferred ? 0 : 1) }))
  return ranked.toSorted((a, b) => a.rank - b.rank).map(({ address }) => address)
}
