// Opens the sockets of an upstream, plain or TLS, with reads into memory that is used again: a fresh buffer per read is
// a good part of what a small answer costs in Node. It neither pools nor times.

import { connect as connectTcp, isIP } from 'node:net'
import type { LookupFunction, OnReadOpts, Socket } from 'node:net'
import { connect as connectTls, createSecureContext } from 'node:tls'
import type { SecureContext } from 'node:tls'
import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import type { Endpoint } from '../core/upstream.ts'
import { NameLookup } from './name-lookup.ts'
import type { Lookup } from './name-lookup.ts'

/** What an upstream's TLS needs beyond Node's defaults; PEM. */
export interface UpstreamTls {
  /** The authorities that are trusted; those that Node knows without it. */
  readonly ca?: string | Buffer | null | undefined
  readonly cert?: string | Buffer | null | undefined
  readonly key?: string | Buffer | null | undefined
  /** The name asked for and verified; the endpoint's host without it. */
  readonly serverName?: string | null | undefined
  /** False: any certificate of anybody is taken. */
  readonly verifies?: boolean | undefined
}

export interface SocketOpeningOptions {
  readonly endpoint: Endpoint
  readonly tls?: UpstreamTls | undefined
  readonly lookup?: Lookup | undefined
  readonly clock: Clock
  readonly random: Random
}

/** Called for each read; the bytes are valid during the call. False: stop reading until the socket is resumed. */
export type OnRead = (count: number, bytes: Buffer) => boolean

/** What libuv asks for at most. One for all plain sockets: reads are handed over one after the other. */
const sharedBytes = Buffer.allocUnsafeSlow(64 * 1024)

/** A TLS record; each socket its own, because decryption may be set off from within another socket's turn. */
const recordBytes = 16 * 1024

/** A name may be somebody else's by then, ms; and the part of it that is chance, so that not all end at once. */
const nameAgeMs = 60_000
const ageJitter = 0.2

const http1Alone = ['http/1.1']
/** In the order in which they are liked. */
const http2First = ['h2', 'http/1.1']

export class SocketOpening {
  readonly #endpoint: Endpoint
  readonly #serverName: string
  readonly #verifies: boolean
  readonly #context: SecureContext | null
  readonly #random: Random
  /** Null where the host is an address. */
  readonly #lookup: LookupFunction | null
  /** Whether it is always the same peer that answers. */
  readonly #isFixed: boolean

  /** Throws when certificate or key cannot be read. */
  constructor({ endpoint, tls, lookup, clock, random }: SocketOpeningOptions) {
    const host = unbracketed(endpoint.host)
    this.#endpoint = endpoint
    this.#random = random
    // A server name is never an address (RFC 6066 section 3), and never what the caller wrote in Host.
    this.#serverName = tls?.serverName ?? (isIP(host) === 0 ? host : '')
    this.#verifies = tls?.verifies ?? true
    this.#isFixed = isIP(host) !== 0 || endpoint.address !== undefined
    if (endpoint.address !== undefined) this.#lookup = answering(endpoint.address)
    else this.#lookup = this.#isFixed ? null : new NameLookup({ name: host, clock, random, lookup }).resolve
    this.#context = endpoint.isSecure
      ? createSecureContext({
        ca: tls?.ca ?? undefined, cert: tls?.cert ?? undefined, key: tls?.key ?? undefined, minVersion: 'TLSv1.2',
      })
      : null
  }

  get isSecure(): boolean {
    return this.#context !== null
  }

  /** Age at which a connection that is made now should end, ms: whoever has a name may move. */
  mostAgeMs(): number {
    return this.#isFixed ? Infinity : nameAgeMs * (1 - ageJitter / 2 + ageJitter * this.#random())
  }

  /** Begins to connect: 'connect' follows, and with TLS 'secureConnect'. */
  open(onRead: OnRead): Socket {
    const buffer = this.#context === null ? sharedBytes : Buffer.allocUnsafeSlow(recordBytes)
    return this.#connect(http1Alone, { onread: readingInto(buffer, onRead) })
  }

  /** The same for whoever reads the socket by other means; with TLS, HTTP/2 is offered as well. */
  openUnread(): Socket {
    return this.#connect(http2First, {})
  }

  /** The same, over HTTP/1.1 alone. */
  openUnreadHttp1(): Socket {
    return this.#connect(http1Alone, {})
  }

  #connect(protocols: string[], reading: { readonly onread?: OnReadOpts }): Socket {
    const { host, port } = this.#endpoint
    const common = { host: unbracketed(host), port, noDelay: true, ...reading }
    const named = this.#lookup === null ? common : { ...common, lookup: this.#lookup }
    if (this.#context === null) return connectTcp(named)
    return connectTls({
      ...named, secureContext: this.#context, servername: this.#serverName, ALPNProtocols: protocols,
      rejectUnauthorized: this.#verifies,
    })
  }
}

/** The name is connected to at this one of its addresses: all else about the connection goes by the name. */
function answering(address: string): LookupFunction {
  const family = isIP(address)
  return (_name, { all }, answer) => {
    if (all === true) answer(null, [{ address, family }])
    else answer(null, address, family)
  }
}

function readingInto(buffer: Buffer, callback: OnRead): OnReadOpts {
  return { buffer, callback: (count) => callback(count, buffer) }
}

/** Hosts of URLs carry IPv6 addresses in brackets. */
function unbracketed(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host
}
