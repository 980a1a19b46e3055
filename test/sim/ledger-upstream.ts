// A service that charges, without a socket: it writes a row for each request it executes, and answers, hangs or breaks
// as a test says. What was executed is in the ledger, whatever the caller was told.

import type { Attempt } from '../../proxy/core/attempt.ts'
import type { BodySink, BodySource } from '../../proxy/core/body.ts'
import type { Clock } from '../../proxy/core/clock.ts'
import type { FaultCode } from '../../proxy/core/codes.ts'
import type { RawHeaders } from '../../proxy/core/raw-headers.ts'
import { firstValue } from '../../proxy/core/raw-headers.ts'
import type { CheckResult, Endpoint, Upstream } from '../../proxy/core/upstream.ts'

export interface Row {
  readonly id: number
  readonly key: string
  readonly path: string
  readonly body: string
}

/** What it does with one request. Everything absent is what a good charge does. */
export interface Step {
  /** No connection: nothing arrives. */
  readonly isRefused?: boolean
  /** Whether a row is written. */
  readonly executes?: boolean
  /** From the last byte of the request to the head of the answer; Infinity: never. */
  readonly afterMs?: number
  /** Instead of a head. */
  readonly fails?: FaultCode
  readonly status?: number
  readonly headers?: RawHeaders
  /** Chunks, as latin1; the second and following come `chunkMs` apart. */
  readonly chunks?: readonly string[]
  readonly chunkMs?: number
  readonly trailers?: RawHeaders
  /** Its end alone tells the length. */
  readonly isChunked?: boolean
  /** The body breaks instead of ending. */
  readonly breaks?: boolean
  readonly interim?: readonly number[]
}

export class LedgerUpstream implements Upstream {
  readonly name = 'service'
  readonly endpoints: readonly Endpoint[] = [{ url: 'http://s.sim', host: 's.sim', port: 80, isSecure: false }]
  readonly rows: Row[] = []
  /** Attempts that reached it, executed or not. */
  received = 0
  /** What each request is answered with, by the number of it. */
  step: (count: number, attempt: Attempt) => Step = () => ({})
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  send(attempt: Attempt): void {
    const step = this.step(this.received + 1, attempt)
    const job = { isCut: false }
    attempt.leaf = {
      cut: () => {
        job.isCut = true
        attempt.closed()
      },
    }
    if (step.isRefused === true) {
      this.#clock.after(0, () => { if (!job.isCut) attempt.failed('upstream.refused', 'refused by script') })
      return
    }
    this.received++
    attempt.sent()
    let text = ''
    const sink: BodySink = {
      write: (chunk) => {
        text += Buffer.from(chunk).toString('latin1')
        return true
      },
      end: () => { this.#execute(attempt, step, text, job) },
      fail: () => {},
    }
    const body = attempt.work.openBody()
    if (body === null) sink.end(null)
    else body.flow(sink)
  }

  async probe(): Promise<string | null> { return null }
  async check(): Promise<CheckResult> { return 200 }
  inspect(): Record<string, number> { return { rows: this.rows.length } }
  close(): void { /* There is nothing open. */ }

  #execute(attempt: Attempt, step: Step, body: string, job: { isCut: boolean }): void {
    const { head } = attempt.work.exchange.caller
    const id = this.rows.length + 1
    if (step.executes !== false) {
      this.rows.push({ id, key: firstValue(head.headers, 'idempotency-key') ?? '', path: head.target, body })
    }
    for (const status of step.interim ?? []) attempt.informed(status, [])
    const { afterMs = 10 } = step
    if (afterMs === Infinity) return
    this.#clock.after(afterMs, () => {
      if (job.isCut) return
      if (step.fails !== undefined) return attempt.failed(step.fails, 'by script')
      const chunks = step.chunks ?? [`{"id":${id}}`]
      const source = new ScriptedBody(this.#clock, attempt, step, chunks, job)
      const headers = step.headers ?? ['content-type', 'application/json', 'location', `/charges/${id}`]
      const { status = 201 } = step
      attempt.headed({ kind: 'reply', status, reason: '', headers, body: source, origin: 'upstream' })
    })
  }
}

class ScriptedBody implements BodySource {
  readonly length: number
  readonly #clock: Clock
  readonly #attempt: Attempt
  readonly #step: Step
  readonly #chunks: readonly string[]
  readonly #job: { readonly isCut: boolean }
  #sink: BodySink | null = null
  #at = 0
  #isStopped = false

  constructor(
    clock: Clock, attempt: Attempt, step: Step, chunks: readonly string[], job: { readonly isCut: boolean },
  ) {
    this.#clock = clock
    this.#attempt = attempt
    this.#step = step
    this.#chunks = chunks
    this.#job = job
    const isKnown = step.isChunked !== true && step.trailers === undefined
    this.length = isKnown ? chunks.reduce((total, chunk) => total + chunk.length, 0) : -1
  }

  flow(sink: BodySink): void {
    this.#sink = sink
    this.#next()
  }

  resume(): void {
    if (!this.#isStopped) return
    this.#isStopped = false
    this.#next()
  }

  discard(): void {
    this.#sink = null
    this.#attempt.closed()
  }

  #next(): void {
    const sink = this.#sink
    if (sink === null) return
    if (this.#job.isCut) return sink.fail('the attempt was cut')
    const chunk = this.#chunks[this.#at++]
    if (chunk === undefined) return this.#end(sink)
    if (!sink.write(Buffer.from(chunk, 'latin1'))) this.#isStopped = true
    else if (this.#step.chunkMs === undefined) this.#next()
    else this.#clock.after(this.#step.chunkMs, () => { this.#next() })
  }

  #end(sink: BodySink): void {
    this.#sink = null
    if (this.#step.breaks === true) {
      this.#attempt.failed('upstream.reset', 'by script')
      sink.fail('by script')
      return
    }
    this.#attempt.closed()
    sink.end(this.#step.trailers ?? null)
  }
}
