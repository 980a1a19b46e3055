// Opens the sockets of an upstream, plain or TLS, with reads into memory that is used again: a fresh buffer per read is
// a good part of what a small answer costs in Node. It neither pools nor times.

import { connect as connectTcp, isIP } from 'node:net'
import type { OnReadOpts, Socket } from 'node:net'
import { connect as connectTls, createSecureContext } from 'node:tls'
import type { SecureContext } from 'node:tls'
import type { Endpoint } from '../core/upstream.ts'

/** What an upstream's TLS needs beyond Node's defaults; PEM. */
export interface UpstreamTls {
  readonly ca?: string | Buffer | undefined
  readonly cert?: string | Buffer | undefined
  readonly key?: string | Buffer | undefined
  /** The name asked for and verified; the endpoint's host without it. */
  readonly serverName?: string | undefined
}

/** Called for each read; the bytes are valid during the call. False: stop reading until the socket is resumed. */
export type OnRead = (count: number, bytes: Buffer) => boolean

/** What libuv asks for at most. One for all plain sockets: reads are handed over one after the other. */
const sharedBytes = Buffer.allocUnsafeSlow(64 * 1024)

/** A TLS record; each socket its own, because decryption may be set off from within another socket's turn. */
const recordBytes = 16 * 1024

export class SocketOpening {
  readonly #endpoint: Endpoint
  readonly #serverName: string
  readonly #context: SecureContext | null

  /** Throws when certificate or key cannot be read. */
  constructor(endpoint: Endpoint, tls: UpstreamTls | undefined) {
    this.#endpoint = endpoint
    // A server name is never an address (RFC 6066 section 3), and never what the caller wrote in Host.
    this.#serverName = tls?.serverName ?? (isIP(endpoint.host) === 0 ? endpoint.host : '')
    this.#context = endpoint.isSecure
      ? createSecureContext({ ca: tls?.ca, cert: tls?.cert, key: tls?.key, minVersion: 'TLSv1.2' })
      : null
  }

  get isSecure(): boolean {
    return this.#context !== null
  }

  /** Begins to connect: 'connect' follows, and with TLS 'secureConnect'. */
  open(onRead: OnRead): Socket {
    const { host, port } = this.#endpoint
    const common = { host: unbracketed(host), port, noDelay: true }
    if (this.#context === null) return connectTcp({ ...common, onread: readingInto(sharedBytes, onRead) })
    const onread = readingInto(Buffer.allocUnsafeSlow(recordBytes), onRead)
    const options = {
      ...common, onread, secureContext: this.#context, servername: this.#serverName, ALPNProtocols: ['http/1.1'],
    }
    return connectTls(options)
  }
}

function readingInto(buffer: Buffer, callback: OnRead): OnReadOpts {
  return { buffer, callback: (count) => callback(count, buffer) }
}

/** Hosts of URLs carry IPv6 addresses in brackets. */
function unbracketed(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host
}
