// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// One connection of a node:http server: at most one exchange in flight, in the order in which requests came, and an end
// that the peer can tell from a break. Node's parser hands over all that lies in one read at once, in flight or not.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.ts'
import type { Code } from '../core/codes.ts'
import type { Gate } from './gate.ts'
import type { HeadFlusher } from './head-flusher.ts'
import type { IncomingCaller } from './incoming-caller.ts'
import { Linger } from './linger.ts'
import { NodeCaller } from './node-caller.ts'
import { codeOfParserError } from './parser-errors.ts'
import { rawRefusal } from './raw-answer.ts'
import { refusalFields, refusalOf } from './refusals.ts'
import { StallWatch } from './stall-watch.ts'
import { wantsWebSocket } from './upgrade-caller.ts'

/** Requests that may wait behind the one in flight; a caller that sends more is cut off after its current answer. */
const maxWaiting = 32

/** What all connections of a listener share. */
export interface ConnectionContext {
  readonly clock: Clock
  readonly gate: Gate
  readonly flusher: HeadFlusher
  readonly accept: (caller: IncomingCaller) => void
  /** Counts what was refused before a route was known. */
  readonly unrouted: (code: Code) => void
  readonly isDraining: () => boolean
  readonly halfClose: 'leave' | 'serve'
  readonly uriBytes: number
  readonly requestIdleMs: number
}

interface Parsed {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

export class Connection {
  readonly socket: Socket
  readonly context: ConnectionContext
  readonly remoteAddress: string
  readonly isSecure: boolean
  readonly #linger: Linger
  readonly #stall = new StallWatch()
  #current: NodeCaller | null = null
  /** The request whose bytes come in or came in last. */
  #latest: IncomingMessage | null = null
  /** The request whose upgrade was declined. */
  #declined: IncomingMessage | null = null
  readonly #waiting: Parsed[] = []
  /** The answer now being written, or about to be, is the last one. */
  #closesAfterwards = false
  /** What waits is served, and nothing else. */
  #takesNoMore = false
  /** What to say after all that waits, when the bytes behind it are not HTTP. */
  #lastWord: Code | null = null
  /** Bytes read when the last answer was complete; more than that means that a request has begun. */
  #bytesAtRest = 0
  #isTunnel = false

  constructor(socket: Socket, context: ConnectionContext) {
    this.socket = socket
    this.context = context
    this.remoteAddress = socket.remoteAddress ?? ''
    this.isSecure = 'encrypted' in socket
    this.#linger = new Linger(socket, context.clock)
    // What node calls after an answer that closes: its own version lets the kernel send RST over unread bytes.
    socket.destroySoon = () => this.#linger.begin()
    socket.on('error', ignore)
    socket.on('drain', () => this.#current?.drained())
    socket.on('end', () => this.#ended())
  }

  /** Whether the answer now being written is the last one. */
  get isClosing(): boolean {
    return this.#closesAfterwards || this.context.isDraining()
  }

  /** Whether nothing is under way: neither an exchange nor the beginning of a request. */
  get isIdle(): boolean {
    return this.#current === null && this.#waiting.length === 0 && !this.#isTunnel && !this.#linger.isUnderWay &&
      this.socket.bytesRead === this.#bytesAtRest
  }

  /** Whether a request that asks to upgrade is to: to a WebSocket, and when nothing else is under way. */
  upgrades(request: IncomingMessage): boolean {
    if (this.#current === null && this.#waiting.length === 0 && wantsWebSocket(request)) return true
    // It goes on without the upgrade. Node's parser then loses what lies behind it: its answer is the last one.
    this.#declined = request
    return false
  }

  /** A head has been parsed; its turn may be now or later. */
  request(request: IncomingMessage, response: ServerResponse): void {
    if (this.#closesAfterwards || this.#takesNoMore || this.#linger.isUnderWay) return
    this.#latest = request
    if (this.#current === null) return this.#begin(request, response)
    if (this.#waiting.length === maxWaiting) {
      this.#closesAfterwards = true
      this.#waiting.length = 0
      return this.#linger.drop()
    }
    this.#waiting.push({ request, response })
    // Not now: node resumes the socket itself when it has parsed the message that this head belongs to.
    if (!this.socket.isPaused()) process.nextTick(pauseWhileBusy, this)
  }

  /** No request after the current one is served. */
  closeAfterwards(): void {
    this.#closesAfterwards = true
  }

  /** The parser or the socket has failed; node leaves the rest to us. */
  failed(error: NodeJS.ErrnoException): void {
    if (this.#linger.isUnderWay || this.#isTunnel) return
    const code = codeOfParserError(error, this.context.uriBytes)
    if (code === null || !this.socket.writable) return void this.socket.destroy()
    const caller = this.#current
    if (caller !== null) return this.#failedWhileBusy(caller, code, error.code === 'HPE_INVALID_EOF_STATE')
    // Bytes after `connection: close` are nobody's request: the answer that is under way is not disturbed.
    if (this.#closesAfterwards) return this.#linger.drop()
    // Nobody has begun to ask: an idle connection is closed without a word.
    if (code === 'request.timeout' && this.socket.bytesRead === 0) return void this.socket.destroy()
    this.refuseRaw(code)
  }

  /** Writes a refusal where no response object exists, and closes. */
  refuseRaw(code: Code): void {
    if (this.#current !== null) {
      this.#takesNoMore = true
      this.#lastWord = code
      return this.#linger.drop()
    }
    this.#closesAfterwards = true
    this.context.unrouted(code)
    this.socket.write(rawRefusal(code, '', 0, this.context.clock.wallMs()))
    this.#linger.begin()
  }

  /** Closes so that the peer sees a break. `isReset`: a FIN would look like the end of the answer. */
  cut(isReset: boolean): void {
    if (isReset && this.remoteAddress !== '' && !this.isSecure) this.socket.resetAndDestroy()
    else this.socket.destroy()
  }

  /** From here on the socket belongs to a tunnel; its end is still ours to count. */
  becomeTunnel(): void {
    this.#isTunnel = true
  }

  /** The socket is closed, by whomever. */
  closed(): void {
    this.#linger.stop()
    this.#waiting.length = 0
    this.#current?.gone()
    this.#current = null
  }

  /** Once in a while: cuts what has not moved for too long. */
  check(now: number): void {
    if (this.#isTunnel || this.#linger.isUnderWay) return
    const caller = this.#current
    const isReceiving = caller === null ? this.#latest?.complete === false : caller.isReceiving
    const stalled = this.#stall.look(this.socket, isReceiving, now, this.context.requestIdleMs)
    if (stalled === 'sending') this.cut(false)
    else if (stalled === 'receiving' && caller !== null) caller.broken('request.timeout')
    else if (stalled === 'receiving') this.socket.destroy()
  }

  pauseWhileBusy(): void {
    if (this.#waiting.length > 0 && !this.#linger.isUnderWay) this.socket.pause()
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    const head = this.context.gate.examine(request)
    if (typeof head === 'string') return this.#turnAway(head, response)
    const caller = new NodeCaller(head, request, response, this)
    this.#current = caller
    if (!response.shouldKeepAlive || request === this.#declined) this.#closesAfterwards = true
    response.on('finish', () => this.#finished(caller))
    this.context.accept(caller)
  }

  #turnAway(code: Code, response: ServerResponse): void {
    this.context.unrouted(code)
    this.#closesAfterwards = true
    const refusal = refusalOf(code)
    response.shouldKeepAlive = false
    response.writeHead(refusal.status, refusal.reason, refusalFields(refusal, '', 0))
    response.end(refusal.body)
  }

  #finished(caller: NodeCaller): void {
    this.#current = null
    this.#bytesAtRest = this.socket.bytesRead
    caller.finished()
    if (this.#linger.isUnderWay || !this.socket.writable) return
    if (this.#closesAfterwards) return this.#linger.begin()
    const next = this.#waiting.shift()
    if (next === undefined) {
      if (this.#lastWord !== null) this.refuseRaw(this.#lastWord)
      return
    }
    if (this.#waiting.length === 0) this.socket.resume()
    this.#begin(next.request, next.response)
  }

  /** The peer has sent FIN. */
  #ended(): void {
    if (this.context.halfClose === 'serve' || this.#isTunnel || this.#linger.isUnderWay) return
    const caller = this.#current
    if (caller === null || caller.isAnswered) return
    caller.gone()
    this.socket.destroy()
  }

  #failedWhileBusy(caller: NodeCaller, code: Code, isFin: boolean): void {
    if (isFin && this.context.halfClose === 'leave') return this.#ended()
    // Whatever else comes is dropped; after `connection: close` that is what the parser complains of.
    this.#linger.drop()
    const isInMidBody = this.#latest?.complete === false
    if (this.#waiting.length === 0 && isInMidBody) return caller.broken(code)
    // The broken request is the last of those that wait, or comes after them: what came before it is still served.
    if (isInMidBody) this.#waiting.pop()
    this.#takesNoMore = true
    this.#lastWord = code
  }
}

function ignore(): void {
  // The socket's close says all that matters; without a listener an error would end the process.
}

function pauseWhileBusy(connection: Connection): void {
  connection.pauseWhileBusy()
}
