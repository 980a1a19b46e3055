// An upstream of several endpoints without a socket, whose answers a test writes: per endpoint a number of slots, a
// service time, and what comes of each call. It reads request bodies, counts what it was sent, and goes on working for
// attempts that were cut. Where nobody has chosen an endpoint it takes one that this work has not tried.

import type { Attempt } from '../../proxy/core/attempt.ts'
import type { BodySink, BodySource } from '../../proxy/core/body.ts'
import type { Clock, Timer } from '../../proxy/core/clock.ts'
import type { FaultCode } from '../../proxy/core/codes.ts'
import type { RawHeaders } from '../../proxy/core/raw-headers.ts'
import type { Endpoint, Upstream } from '../../proxy/core/upstream.ts'
import type { Work } from '../../proxy/core/work.ts'

/** What comes of a call once it has been worked on. */
export type Play =
  | { readonly status: number; readonly headers?: RawHeaders; readonly body?: string; readonly bodyMs?: number }
  /** `not connected` by that code, at once; anything else after the work is done. */
  | { readonly fault: FaultCode }
  | 'hang'

export interface Call {
  /** From 1, over all endpoints. */
  readonly n: number
  readonly endpoint: number
  readonly attempt: Attempt
}

export interface Script {
  readonly endpoints?: number
  /** Worked on at once, at each endpoint. */
  slots?: number
  serviceMs?: (call: Call) => number
  play?: (call: Call) => Play
}

const unconnected: ReadonlySet<string> = new Set([
  'upstream.refused', 'upstream.dns', 'upstream.tls', 'upstream.connect-timeout',
])

interface Job extends Call { isCut: boolean; timer: Timer | null }

export class ScriptedUpstream implements Upstream {
  readonly name: string
  readonly endpoints: readonly Endpoint[]
  readonly script: Script
  /** Every call that reached it, in order, with the body it brought as far as it came. */
  readonly calls: (Call & { at: number; body: string })[] = []
  readonly #clock: Clock
  readonly #lines: Job[][]
  readonly #working: number[]
  readonly #tried = new WeakMap<Work, Set<number>>()
  #turn = 0
  #asked = 0

  constructor(name: string, clock: Clock, script: Script = {}) {
    this.name = name
    this.script = script
    this.#clock = clock
    const count = script.endpoints ?? 1
    this.endpoints = Array.from({ length: count }, (_, i) =>
      ({ url: `http://${name}-${i}.sim`, host: `${name}-${i}.sim`, port: 80, isSecure: false }))
    this.#lines = this.endpoints.map(() => [])
    this.#working = this.endpoints.map(() => 0)
  }

  send(attempt: Attempt): void {
    const endpoint = this.#choose(attempt)
    attempt.endpoint = this.endpoints[endpoint] as Endpoint
    const job: Job = { n: ++this.#asked, endpoint, attempt, isCut: false, timer: null }
    attempt.leaf = { cut: () => this.#cut(job) }
    const play = this.#play(job)
    if (play !== 'hang' && 'fault' in play && unconnected.has(play.fault)) {
      job.timer = this.#clock.after(0, () => { attempt.failed(play.fault, 'by script') })
      return
    }
    attempt.sent()
    const call = { ...job, at: this.#clock.now(), body: '' }
    this.calls.push(call)
    attempt.work.openBody()?.flow({
      write: (chunk) => {
        call.body += Buffer.from(chunk).toString('latin1')
        return true
      },
      end: () => { call.body += '$' },
      fail: () => { call.body += '!' },
    })
    ;(this.#lines[endpoint] as Job[]).push(job)
    this.#serve(endpoint)
  }

  async check(): Promise<number> { return 200 }

  async probe(): Promise<string | null> { return null }

  inspect(): Record<string, number> { return {} }

  close(): void { /* There is nothing open. */ }

  #play(call: Call): Play { return this.script.play?.(call) ?? { status: 200, body: 'ok' } }

  #choose({ endpoint, work }: Attempt): number {
    const tried = this.#tried.get(work) ?? new Set<number>()
    this.#tried.set(work, tried)
    const given = endpoint === null ? -1 : this.endpoints.indexOf(endpoint)
    const order = this.endpoints.map((_, i) => (this.#turn + i) % this.endpoints.length)
    this.#turn++
    const chosen = given >= 0 ? given : order.find((i) => !tried.has(i)) ?? order[0] ?? 0
    tried.add(chosen)
    return chosen
  }

  #cut(job: Job): void {
    job.isCut = true
    job.timer?.clear()
    job.attempt.closed()
  }

  #serve(endpoint: number): void {
    const line = this.#lines[endpoint] as Job[]
    while ((this.#working[endpoint] as number) < (this.script.slots ?? Infinity)) {
      const job = line.shift()
      if (job === undefined) return
      const play = this.#play(job)
      if (play === 'hang') continue
      this.#working[endpoint] = (this.#working[endpoint] as number) + 1
      this.#clock.after(this.script.serviceMs?.(job) ?? 10, () => {
        this.#working[endpoint] = (this.#working[endpoint] as number) - 1
        if (!job.isCut) this.#answer(job, play)
        this.#serve(endpoint)
      })
    }
  }

  #answer({ attempt }: Job, play: Exclude<Play, 'hang'>): void {
    if ('fault' in play) return attempt.failed(play.fault, 'by script')
    const { status, headers = [], body = '', bodyMs = 0 } = play
    const source = new ScriptedBody(this.#clock, body, bodyMs, attempt)
    attempt.headed({ kind: 'reply', status, reason: '', headers, body: source, origin: 'upstream' })
  }
}

/** The text in one piece, after a while. */
class ScriptedBody implements BodySource {
  readonly length: number
  readonly #clock: Clock
  readonly #text: string
  readonly #bodyMs: number
  readonly #attempt: Attempt

  constructor(clock: Clock, text: string, bodyMs: number, attempt: Attempt) {
    this.#clock = clock
    this.#text = text
    this.#bodyMs = bodyMs
    this.#attempt = attempt
    this.length = text.length
  }

  flow(sink: BodySink): void {
    const finish = (): void => {
      if (this.#attempt.isClosed) return
      if (this.#text !== '') sink.write(Buffer.from(this.#text, 'latin1'))
      this.#attempt.closed()
      sink.end(null)
    }
    if (this.#bodyMs === 0) finish()
    else this.#clock.after(this.#bodyMs, finish)
  }

  resume(): void { /* One piece never meets back-pressure. */ }

  discard(): void { this.#attempt.closed() }
}
