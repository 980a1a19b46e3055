// A caller without a socket: sends one request and remembers what it was told, and when.

import type { BodySink, BodySource } from '../../proxy/core/body.ts'
import type { Clock } from '../../proxy/core/clock.ts'
import { codes } from '../../proxy/core/codes.ts'
import type { Code } from '../../proxy/core/codes.ts'
import type { Caller, CallerOwner, RequestHead } from '../../proxy/core/caller.ts'
import type { RawHeaders } from '../../proxy/core/raw-headers.ts'

export interface Ask {
  readonly method?: string
  readonly path?: string
  readonly headers?: RawHeaders
  readonly body?: BodySource
  readonly remoteAddress?: string
  readonly identity?: string
  /** The listener it comes to; absent: public. */
  readonly listener?: string
}

export class SimCaller implements Caller {
  readonly head: RequestHead
  readonly body: BodySource | null
  readonly remoteAddress: string
  readonly isSecure = false
  readonly identity: string | null
  owner: CallerOwner | null = null
  /** Called once everything is over for this caller and its owner knows. */
  afterwards: (() => void) | null = null
  readonly askedAt: number
  /** Status of the answer; 0 while there is none. */
  status = 0
  code: Code | null = null
  retryAfterS = 0
  /** Fields of the answer, or the refusal's own. */
  fields: RawHeaders = []
  /** Members of the refusal's own document. */
  members: Readonly<Record<string, unknown>> = {}
  /** The body that came, as latin1. */
  text = ''
  /** What came after it. */
  trailers: RawHeaders | null = null
  headAt = -1
  /** When everything was over for this caller; -1 before. */
  endedAt = -1
  /** complete: the last byte came; broken: it did not and the caller could see it; left: it went itself. */
  end: 'complete' | 'broken' | 'left' | null = null
  readonly interim: number[] = []
  /** Answers that were begun; never more than one, and none after its end. */
  answers = 0
  readonly #clock: Clock

  constructor(clock: Clock, ask: Ask = {}) {
    const target = ask.path ?? '/'
    this.#clock = clock
    this.askedAt = clock.now()
    this.head = {
      method: ask.method ?? 'GET', target, path: target.split('?')[0] as string, authority: 'service.test',
      headers: ask.headers ?? [], version: 1, expectsContinue: false,
    }
    this.body = ask.body ?? null
    this.remoteAddress = ask.remoteAddress ?? '10.0.0.1'
    this.identity = ask.identity ?? null
  }

  inform(status: number): void { this.interim.push(status) }

  limitBody(): void { /* Simulated bodies are within every bound. */ }

  answer(status: number, _reason: string, fields: RawHeaders): BodySink {
    this.#begin(status)
    this.fields = fields
    return {
      write: (chunk) => {
        this.text += Buffer.from(chunk).toString('latin1')
        return true
      },
      end: (trailers) => {
        this.trailers = trailers
        this.#finish('complete')
      },
      fail: () => this.#finish('broken'),
    }
  }

  refuse(
    code: Code, retryAfterS: number, _requestId: string, fields?: RawHeaders,
    members?: Readonly<Record<string, unknown>>,
  ): void {
    this.code = code
    this.members = members ?? {}
    this.fields = fields ?? []
    this.retryAfterS = retryAfterS
    this.#begin(codes[code].status)
    this.#finish('complete')
  }

  cut(): void { this.#finish('broken') }

  /** The caller goes away, as it may at any moment. */
  leave(): void {
    if (this.end !== null) return
    this.end = 'left'
    this.endedAt = this.#clock.now()
    this.owner?.callerLeft()
    this.owner?.callerEnded()
    this.afterwards?.()
  }

  #begin(status: number): void {
    this.answers += this.end === null ? 1 : 2
    this.status = status
    this.headAt = this.#clock.now()
  }

  #finish(end: 'complete' | 'broken'): void {
    if (this.end !== null) return
    this.end = end
    this.endedAt = this.#clock.now()
    // As the edge has it: whoever does not get its answer whole has gone.
    if (end === 'broken') this.owner?.callerLeft()
    this.owner?.callerEnded()
    this.afterwards?.()
  }
}
