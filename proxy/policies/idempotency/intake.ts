// Reads the body of a request whole, within bounds of its own and of all that are held at once: a record needs its
// fingerprint before it is sent, and what may be sent again must still be there.

import type { BodySink, BodySource, BodySupply } from '../../core/body.ts'
import type { Code } from '../../core/codes.ts'
import type { Exchange, Intake } from '../../core/exchange.ts'
import type { Answer, Refused } from '../../core/outcome.ts'
import type { RawHeaders } from '../../core/raw-headers.ts'
import { WAIT } from '../../core/scope.ts'
import { WholeBody } from '../../core/whole-body.ts'
import type { Verdict } from '../../core/scope.ts'
import { codes } from '../../core/codes.ts'

/** Bodies held at once by all routes, and their bytes: what this mechanism may take of the memory of a sidecar. */
export class HeldBodies {
  readonly #maxCount: number
  readonly #maxBytes: number
  count = 0
  bytes = 0

  constructor(maxCount = 4096, maxBytes = 64 * 1_048_576) {
    this.#maxCount = maxCount
    this.#maxBytes = maxBytes
  }

  /** Makes room for one more body of so many bytes, or says no. */
  add(bytes: number): boolean {
    if (this.count >= this.#maxCount || this.bytes + bytes > this.#maxBytes) return false
    this.count++
    this.bytes += bytes
    return true
  }

  /** More of a body that is held. */
  grow(bytes: number): boolean {
    if (this.bytes + bytes > this.#maxBytes) return false
    this.bytes += bytes
    return true
  }

  remove(bytes: number): void {
    this.count--
    this.bytes -= bytes
  }
}

function refusal(code: Code): Refused {
  return { kind: 'refused', by: 'recall', code, status: codes[code].status, retryAfterMs: 0 }
}

function tooLarge(maxBytes: number): Refused {
  return { ...refusal('idempotency.body-too-large'), members: { maxBytes } }
}

const noRoom = refusal('shed.limit')
const broken = refusal('request.malformed')
const none = new Uint8Array(0)

export class BodyIntake implements Intake, BodySink, BodySupply {
  readonly #exchange: Exchange
  readonly #held: HeldBodies
  readonly #maxBytes: number
  readonly #now: () => number
  #state: 'new' | 'reading' | 'whole' | 'refused' = 'new'
  #done: ((refused: Answer | null, now: number) => void) | null = null
  #refused: Refused | null = null
  #chunks: Uint8Array[] = []
  #bytes = 0
  #isCounted = false
  #trailers: RawHeaders | null = null
  /** The body once it is here. */
  body: Uint8Array = none

  constructor(exchange: Exchange, held: HeldBodies, maxBytes: number, now: () => number) {
    this.#exchange = exchange
    this.#held = held
    this.#maxBytes = maxBytes
    this.#now = now
  }

  get isWhole(): boolean { return this.#state === 'whole' }

  read(done: (refused: Answer | null, now: number) => void): Verdict {
    if (this.#state === 'new') this.#begin()
    if (this.#state === 'whole') return null
    if (this.#state === 'refused') return this.#refused ?? broken
    this.#done = done
    return WAIT
  }

  leave(): void { this.#done = null }

  /** The exchange is over: what is held for it counts no more. */
  free(): void {
    if (!this.#isCounted) return
    this.#isCounted = false
    this.#held.remove(this.#bytes)
    if (this.#state !== 'reading') return
    // What still comes of it is nobody's.
    this.#state = 'refused'
    this.#chunks = []
  }

  // BodySupply
  open(): BodySource {
    return new WholeBody([this.body], this.#exchange.caller.body?.length ?? 0, this.#trailers)
  }

  // BodySink
  write(chunk: Uint8Array): boolean {
    if (this.#state !== 'reading') return true
    if (this.#bytes + chunk.length > this.#maxBytes) this.#end(tooLarge(this.#maxBytes))
    else if (!this.#held.grow(chunk.length)) this.#end(noRoom)
    else {
      this.#chunks.push(chunk)
      this.#bytes += chunk.length
    }
    return true
  }

  end(trailers: RawHeaders | null): void {
    if (this.#state !== 'reading') return
    this.body = this.#chunks.length === 1 ? compact(this.#chunks[0] as Uint8Array) : Buffer.concat(this.#chunks)
    this.#chunks = []
    this.#trailers = trailers
    this.#exchange.work.body = this
    this.#end(null)
  }

  fail(): void {
    if (this.#state === 'reading') this.#end(broken)
  }

  #begin(): void {
    const { caller } = this.#exchange
    const { body } = caller
    this.#state = 'reading'
    if (body === null) this.#state = 'whole'
    else if (body.length > this.#maxBytes) this.#end(tooLarge(this.#maxBytes))
    else if (!this.#held.add(0)) this.#end(noRoom)
    else {
      this.#isCounted = true
      // The body is wanted here and now, whatever the service would have said.
      if (caller.head.expectsContinue) caller.inform(100, [])
      body.flow(this)
    }
  }

  #end(refused: Refused | null): void {
    this.#state = refused === null ? 'whole' : 'refused'
    this.#refused = refused
    if (refused !== null) {
      this.#chunks = []
      this.free()
    }
    const done = this.#done
    this.#done = null
    done?.(refused, this.#now())
  }
}

/** What a held body may keep alive of the buffer that it came in; most share one with their head. */
const sparedBytes = 4 * 1024

/** A few bytes would keep the whole buffer alive that they came in. */
function compact(chunk: Uint8Array): Uint8Array {
  const sparable = chunk.buffer.byteLength - chunk.length
  return sparable > Math.max(sparedBytes, chunk.length) ? Uint8Array.prototype.slice.call(chunk) : chunk
}
