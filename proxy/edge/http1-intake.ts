// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// From bytes to a head that has passed the strict gate, with the framing of the body behind it. One per connection;
// what it found last is in its fields until the next head is read.

import type { RequestHead } from '../core/caller.ts'
import type { Code } from '../core/codes.ts'
import { nominated } from '../core/hop-by-hop.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import {
  FramingFields, isPersistent, malformedFraming, noBody, requestFraming, unknownCoding,
} from '../http1/framing.ts'
import { HeadReader } from '../http1/head-reader.ts'
import type { HeadLimits, HeadStatus } from '../http1/head-reader.ts'
import { isRequestLine, parseRequestHead } from '../http1/request-head.ts'
import type { Gate, ReceivedHead } from './gate.ts'

const codeOfStatus: { readonly [S in HeadStatus]?: Code } = {
  'malformed': 'request.malformed', 'too-large': 'request.headers-too-large',
  'start-line-too-long': 'request.uri-too-long',
}

export class Http1Intake {
  readonly #reader: HeadReader
  readonly #limits: HeadLimits
  readonly #gate: Gate
  readonly #fields = new FramingFields()
  /** The head, or the code it is refused with; null while it is incomplete. */
  result: RequestHead | Code | null = null
  /** Bytes of the body, `chunkedBody` or `noBody`. */
  framing = noBody
  /** Whether another request may follow. */
  isPersistent = true

  constructor(limits: HeadLimits, gate: Gate) {
    this.#limits = limits
    this.#gate = gate
    this.#reader = new HeadReader(limits, isRequestLine, true)
  }

  /** Whether a head has begun and is not complete. */
  get isUnderWay(): boolean { return this.#reader.isUnderWay }

  /** Reads on; returns the index after the last byte taken. See `result`. */
  read(chunk: Buffer, start: number): number {
    const reader = this.#reader
    const at = reader.read(chunk, start, chunk.length)
    if (reader.status === 'incomplete') this.result = null
    else {
      this.result = codeOfStatus[reader.status] ?? this.#examine(reader.text)
      reader.reset()
    }
    return at
  }

  #examine(text: string): RequestHead | Code {
    const parsed = parseRequestHead(text, this.#limits)
    if (typeof parsed === 'string') return parsed
    const { method, target, minor, headers } = parsed
    const received: ReceivedHead = {
      method, url: target, httpVersionMajor: 1, httpVersionMinor: minor, rawHeaders: headers,
    }
    const head = this.#gate.examine(received)
    if (typeof head === 'string') return head
    this.#fields.read(headers)
    this.framing = requestFraming(minor, this.#fields)
    if (this.framing === malformedFraming) return 'request.malformed'
    if (this.framing === unknownCoding) return 'request.coding'
    this.isPersistent = isPersistent(minor, this.#fields)
    return head
  }

  /** Whether the head just read asks for a WebSocket; a handshake has no body (RFC 6455 section 4.1). */
  static wantsWebSocket(head: RequestHead, framing: number): boolean {
    return head.method === 'GET' && head.version === 1 && framing === noBody && asksForWebSocket(head.headers)
  }
}

/** One Upgrade, of one protocol, that Connection names as well: without that it was not meant for this hop. */
function asksForWebSocket(headers: RawHeaders): boolean {
  let upgrades = 0
  let asked = ''
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length !== 7 || name.toLowerCase() !== 'upgrade') continue
    upgrades++
    asked = headers[i + 1] as string
  }
  return upgrades === 1 && asked.toLowerCase() === 'websocket' && nominated(headers).has('upgrade')
}
