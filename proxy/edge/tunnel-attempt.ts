// One handshake and the tunnel that comes of it, as the leaf of its attempt: from the connection to upstream's answer,
// and to the end of the tunnel. What http-proxy-3 leaves open is closed here.

import { Agent } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Attempt, Leaf } from '../core/attempt.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { FaultCode } from '../core/codes.ts'
import { tunnel } from '../core/outcome.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import type { Dialled, DialOwner } from '../core/upstream.ts'
import { maxInterim } from '../upstream/answer-reader.ts'
import { agreedFields } from './handshake.ts'
import { MessageBody } from './message-body.ts'
import { watchSilence } from './silence.ts'
import { takeTurns } from './tunnel-turns.ts'
import type { UpgradeCaller } from './upgrade-caller.ts'
import type { TunnelOwner } from './upgrade.ts'

/** All in ms. */
export interface TunnelTimes {
  readonly clock: Clock
  /** Silence after which the tunnel is closed. */
  readonly idleMs: number
  /** From the connection to the answer of the handshake. */
  readonly handshakeMs: number
}

export class TunnelAttempt implements Leaf, DialOwner {
  readonly #attempt: Attempt
  readonly #caller: UpgradeCaller
  readonly #owner: TunnelOwner
  readonly #times: TunnelTimes
  readonly #dialled: Dialled
  readonly #timer: Timer
  #request: ClientRequest | null = null
  #interim = 0
  /** As received, without the prefix that the route cuts off. */
  target = '/'

  constructor(attempt: Attempt, caller: UpgradeCaller, owner: TunnelOwner, times: TunnelTimes) {
    this.#attempt = attempt
    this.#caller = caller
    this.#owner = owner
    this.#times = times
    attempt.leaf = this
    const { handshakeMs, clock } = times
    this.#timer = clock.after(handshakeMs, () => {
      this.lost('upstream.timeout', `no answer to the handshake within ${handshakeMs} ms`)
    })
    const { dial } = attempt.work.exchange.plan
    this.#dialled = (dial as NonNullable<typeof dial>)(attempt, this)
  }

  /** Hands the connection over to whoever asks for one. */
  get agent(): Agent {
    const { socket } = this.#dialled
    return Object.assign(new Agent(), { createConnection: () => socket })
  }

  // Leaf
  cut(): void {
    this.#stop()
    this.#tell()
    this.#attempt.closed()
  }

  // DialOwner
  opened(): void {
    if (this.#attempt.outcome === null) this.#attempt.sent()
  }

  lost(fault: FaultCode, cause: string): void {
    // Of a tunnel, or after the end: both are seen to elsewhere.
    if (this.#attempt.outcome !== null) return
    this.#attempt.failed(fault, cause)
    this.#stop()
    this.#tell()
  }

  /** The request is about to leave: what agrees to it is looked at before http-proxy-3 does. */
  sending(request: ClientRequest): void {
    this.#request = request
    // As received: http-proxy-3 would normalise it.
    request.path = this.target
    request.on('upgrade', (answer: IncomingMessage, upstream: Duplex) => this.#upgraded(answer, upstream))
  }

  /** It has left: what does not agree is not for http-proxy-3, which would relay it with the fields of the hop. */
  listen(): void {
    const request = this.#request
    if (request === null) return
    for (const event of ['response', 'error']) request.removeAllListeners(event)
    request.on('error', (error: NodeJS.ErrnoException) => { this.lost(faultOf(error), error.message) })
    request.on('information', ({ statusCode, rawHeaders }) => { this.#informed(statusCode, rawHeaders) })
    request.on('response', (answer: IncomingMessage) => this.#answered(answer))
  }

  /** What http-proxy-3 has to say of an error of the tunnel; of one of the connection the leaf has said it already. */
  broke(error: NodeJS.ErrnoException): void {
    if (this.#attempt.outcome !== null) return this.#caller.socket.destroySoon()
    this.lost(faultOf(error), error.message)
  }

  #informed(status: number, headers: RawHeaders): void {
    if (++this.#interim > maxInterim) this.lost('upstream.malformed', 'too many interim answers')
    else this.#attempt.informed(status, headers)
  }

  #upgraded(answer: IncomingMessage, upstream: Duplex): void {
    const attempt = this.#attempt
    // Too late: the caller has left or has been told that its time is over.
    if (attempt.outcome !== null || this.#caller.isBegun) return void upstream.destroy()
    // We asked for one protocol; a tunnel for another would be spoken by nobody.
    if (answer.headers.upgrade?.toLowerCase() !== 'websocket') {
      return this.lost('upstream.malformed', 'upgraded to another protocol')
    }
    this.#timer.clear()
    const { exchange } = attempt.work
    answer.headers = agreedFields(answer.rawHeaders, exchange.plan)
    attempt.upgraded()
    this.#caller.handOver()
    joinEnds(this.#caller, upstream)
    takeTurns(upstream, this.#caller.socket, this.#times.clock)
    takeTurns(this.#caller.socket, upstream, this.#times.clock)
    upstream.on('close', () => { attempt.closed() })
    this.#owner.tunnelEnded(exchange, tunnel)
    watchSilence(this.#caller.socket, this.#times.clock, this.#times.idleMs)
  }

  /** Upstream stays with HTTP: an answer like any other, and the last of its connection. */
  #answered(answer: IncomingMessage): void {
    const attempt = this.#attempt
    if (attempt.outcome !== null) return void answer.destroy()
    const { statusCode: status = 0, statusMessage: reason = '', rawHeaders: headers } = answer
    if (status === 101) return this.lost('upstream.malformed', 'a 101 that upgrades to nothing')
    this.#timer.clear()
    const { clock, handshakeMs } = this.#times
    watchSilence(this.#caller.socket, clock, handshakeMs)
    answer.on('close', () => {
      if (answer.complete) attempt.closed()
      else attempt.failed('upstream.reset', 'the upstream ended the connection before its answer')
    })
    attempt.headed({ kind: 'reply', status, reason, headers, body: new MessageBody(answer), origin: 'upstream' })
  }

  /** How it ended, before http-proxy-3 closes the caller's connection under it. */
  #tell(): void {
    const { outcome, work } = this.#attempt
    if (outcome !== null && outcome.kind !== 'reply') this.#owner.tunnelEnded(work.exchange, outcome)
  }

  #stop(): void {
    this.#timer.clear()
    this.#request?.destroy()
    this.#dialled.shut()
  }
}

function faultOf({ code }: NodeJS.ErrnoException): FaultCode {
  return code?.startsWith('HPE_') === true ? 'upstream.malformed' : 'upstream.reset'
}

/**
 * What http-proxy-3 leaves out of joining two sockets: either side may end before the other, and a break on one side
 * is a break on the other. A FIN would say that all had been sent. Of an encrypted connection Node does not tell an end
 * from a break: its end is that of both ways.
 */
function joinEnds(caller: UpgradeCaller, upstream: Duplex): void {
  const isSecure = 'encrypted' in upstream
  upstream.allowHalfOpen = !isSecure
  upstream.on('error', () => caller.breakOff())
  upstream.on('close', () => { caller.socket.destroySoon() })
  // Before the listener of http-proxy-3, which ends the other side in order: after a FIN there is no reset.
  caller.socket.prependListener('error', () => {
    if (upstream instanceof Socket && !isSecure) upstream.resetAndDestroy()
    else upstream.destroy()
  })
}
