// The handshake of encrypted connections: sockets go in, encrypted ones that have agreed on a protocol come out. Its
// certificate may change while it stands; what is open keeps the one it began with.

import { createServer } from 'node:tls'
import type { Server, TLSSocket } from 'node:tls'
import type { Socket } from 'node:net'
import type { ListenerTls } from '../core/configuration.ts'
import type { CertificateTexts } from './certificate.ts'

export interface TlsDoorOptions {
  readonly tls: ListenerTls
  /** Asked at each handshake: whether HTTP/2 is offered. */
  readonly http2: () => boolean
  /** How long a handshake may take, ms. */
  readonly handshakeMs: number
  /** Takes a connection whose handshake is complete, and its caller verified where one is asked for. */
  readonly opened: (socket: TLSSocket) => void
}

/** The better one first. */
const both = ['h2', 'http/1.1']

export class TlsDoor {
  readonly #options: TlsDoorOptions
  readonly #server: Server
  /** Handshakes that came to nothing. */
  failed = 0

  constructor(options: TlsDoorOptions) {
    this.#options = options
    const { tls, http2, handshakeMs, opened } = options
    this.#server = createServer({
      ALPNCallback: ({ protocols }) => (http2() ? both : both.slice(1)).find((one) => protocols.includes(one)),
      handshakeTimeout: handshakeMs,
      requestCert: tls.clientCa !== null,
      rejectUnauthorized: true,
    }, (socket) => {
      // From here on what a FIN means is decided by the connection.
      socket.allowHalfOpen = true
      // A handshake costs us a hundred times what it costs the peer, and HTTP has no use for a second one. Node would
      // only tell of it.
      socket.disableRenegotiation()
      socket.on('error', () => { socket.destroy() })
      opened(socket)
    })
    this.#server.on('tlsClientError', (_error, socket) => {
      this.failed++
      socket.destroy()
    })
  }

  /** From now on handshakes use this pair. Throws when it cannot be used. */
  use({ cert, key, clientCa }: CertificateTexts): void {
    const { minVersion } = this.#options.tls
    this.#server.setSecureContext({ cert, key, minVersion, ...(clientCa === null ? {} : { ca: clientCa }) })
  }

  /** Begins the handshake on a socket that was just accepted. */
  take(socket: Socket): void {
    // Nobody comes to an agreement with a peer that has ended. The encrypted socket has it from this one.
    socket.allowHalfOpen = false
    this.#server.emit('connection', socket)
  }
}
