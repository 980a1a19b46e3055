// An origin for tests that speaks exactly the bytes its script says: what a correct server would never send is what a
// leaf has to be tried with. It knows no HTTP beyond "a head ends with an empty line".

import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { systemClock } from '../core/clock.ts'

/** What an origin does with one connection; `index` counts connections from 0. */
export type OriginScript = (peer: OriginPeer, index: number) => Promise<void> | void

/** One accepted connection, as the script sees it. */
export class OriginPeer {
  readonly socket: Socket
  /** Everything received and not yet taken by `head` or `take`. */
  received = ''
  /** Everything received, ever. */
  total = 0
  isEnded = false
  isClosed = false
  readonly closed: Promise<void>
  #wake: (() => void) | null = null

  constructor(socket: Socket) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.socket = socket
    this.closed = promise
    socket.on('data', (chunk: Buffer) => {
      this.total += chunk.length
      this.received += chunk.toString('latin1')
      this.#woken()
    })
    // A leaf that cuts a connection resets it: that is what many cases are about, not a fault of the test.
    socket.on('error', () => {})
    socket.on('end', () => { this.isEnded = true; this.#woken() })
    socket.on('close', () => { this.isClosed = true; resolve(); this.#woken() })
  }

  /** Waits for a whole request head, takes and returns it with its empty line. */
  async head(): Promise<string> {
    return await this.until('\r\n\r\n')
  }

  /** Takes and returns everything up to and with `mark`. Throws when the connection ends before. */
  async until(mark: string): Promise<string> {
    for (;;) {
      const at = this.received.indexOf(mark)
      if (at >= 0) return this.#cut(at + mark.length)
      await this.#more(JSON.stringify(mark))
    }
  }

  /** Takes and returns `count` bytes. Throws when the connection ends before. */
  async take(count: number): Promise<string> {
    while (this.received.length < count) await this.#more(`${count} bytes`)
    return this.#cut(count)
  }

  /** Sends bytes of latin1 text. */
  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** Sends and waits until the kernel has it, so that a following `send` travels apart. */
  async sendApart(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.socket.setNoDelay(true)
    this.socket.write(text, 'latin1', () => { resolve() })
    await promise
    await new Promise<void>((resolve) => { systemClock.endOfTurn(resolve) })
  }

  /** Closes in order, after `text`. */
  end(text = ''): void {
    this.socket.end(text, 'latin1')
  }

  /** Closes with a reset. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  #cut(count: number): string {
    const taken = this.received.slice(0, count)
    this.received = this.received.slice(count)
    return taken
  }

  async #more(what: string): Promise<void> {
    if (this.isEnded || this.isClosed) throw new Error(`no ${what} came before the end: ${this.received}`)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    await promise
  }

  #woken(): void {
    this.#wake?.()
    this.#wake = null
  }
}

/** A listening origin; `peers` in the order of arrival. */
export class ScriptedOrigin {
  readonly peers: OriginPeer[] = []
  /** What scripts threw: a script that waits for more than comes is no failure by itself. */
  readonly faults: unknown[] = []
  readonly #server: Server

  private constructor(script: OriginScript, allowHalfOpen: boolean) {
    this.#server = createServer({ allowHalfOpen, noDelay: true }, (socket) => {
      const peer = new OriginPeer(socket)
      const index = this.peers.push(peer) - 1
      void this.#play(script, peer, index)
    })
  }

  /** Listens on a free port of loopback. `allowHalfOpen`: a caller's FIN does not close the origin's side. */
  static async listen(script: OriginScript, allowHalfOpen = false): Promise<ScriptedOrigin> {
    const origin = new ScriptedOrigin(script, allowHalfOpen)
    await new Promise<void>((resolve) => { origin.#server.listen(0, '127.0.0.1', resolve) })
    return origin
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Destroys every connection and stops listening. */
  async close(): Promise<void> {
    for (const peer of this.peers) peer.socket.destroy()
    await new Promise<void>((resolve) => { this.#server.close(() => { resolve() }) })
  }

  async #play(script: OriginScript, peer: OriginPeer, index: number): Promise<void> {
    try {
      await script(peer, index)
    } catch (error) {
      this.faults.push(error)
    }
  }
}
