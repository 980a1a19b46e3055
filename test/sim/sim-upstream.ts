// An upstream without a socket: slots, service times, one line inside, and faults that can be changed while it runs. It
// goes on working for attempts that were cut, as a real HTTP/1.1 service does.

import type { Attempt } from '../../proxy/core/attempt.ts'
import type { BodySink, BodySource } from '../../proxy/core/body.ts'
import type { Clock } from '../../proxy/core/clock.ts'
import type { Endpoint, Upstream } from '../../proxy/core/upstream.ts'

export interface Behaviour {
  /** Requests worked on at once. */
  slots: number
  serviceMs: () => number
  status: number
  /** refused: no connection; hang: accepts and never answers; reset: after the work is done; serve: answers. */
  mode: 'serve' | 'refused' | 'hang' | 'reset'
  /** Between the head of an answer and the end of its body. */
  bodyMs: number
}

interface Job {
  readonly attempt: Attempt
  isCut: boolean
}

export class SimUpstream implements Upstream {
  readonly name: string
  readonly endpoints: readonly Endpoint[]
  readonly behaviour: Behaviour
  readonly #clock: Clock
  readonly #waiting: Job[] = []
  /** Requests being worked on now, and the most there ever were. */
  working = 0
  mostWorking = 0
  /** Attempts that reached the service. */
  received = 0
  probes = 0

  constructor(name: string, clock: Clock, behaviour: Partial<Behaviour> = {}) {
    this.name = name
    this.#clock = clock
    this.endpoints = [{ url: `http://${name}.sim`, host: `${name}.sim`, port: 80, isSecure: false }]
    this.behaviour = { slots: Infinity, serviceMs: () => 10, status: 200, mode: 'serve', bodyMs: 0, ...behaviour }
  }

  send(attempt: Attempt): void {
    const job: Job = { attempt, isCut: false }
    attempt.leaf = { cut: () => this.#cut(job) }
    if (this.behaviour.mode === 'refused') {
      this.#clock.after(0, () => { if (!job.isCut) attempt.failed('upstream.refused', 'refused by script') })
      return
    }
    attempt.sent()
    this.received++
    this.#waiting.push(job)
    this.#serve()
  }

  async probe(): Promise<string | null> {
    this.probes++
    return this.behaviour.mode === 'refused' ? 'refused by script' : null
  }

  inspect(): Record<string, number> { return { working: this.working, waiting: this.#waiting.length } }

  close(): void { /* There is nothing open. */ }

  /** Works off what waits, after `slots` or `mode` was changed. */
  nudge(): void { this.#serve() }

  #cut(job: Job): void {
    job.isCut = true
    // The socket closes at once; the service goes on and finds nobody to answer.
    job.attempt.closed()
  }

  #serve(): void {
    while (this.behaviour.mode !== 'hang' && this.working < this.behaviour.slots) {
      const job = this.#waiting.shift()
      if (job === undefined) return
      this.working++
      this.mostWorking = Math.max(this.mostWorking, this.working)
      this.#clock.after(this.behaviour.serviceMs(), () => this.#done(job))
    }
  }

  #done(job: Job): void {
    this.working--
    if (!job.isCut) this.#answer(job)
    this.#serve()
  }

  #answer({ attempt }: Job): void {
    const { mode, status, bodyMs } = this.behaviour
    if (mode === 'reset') return attempt.failed('upstream.reset', 'reset by script')
    const body = new SimBody(this.#clock, bodyMs, attempt)
    attempt.headed({ kind: 'reply', status, reason: '', headers: [], body, origin: 'upstream' })
  }
}

/** Two bytes, after a while. */
class SimBody implements BodySource {
  readonly length = 2
  readonly #clock: Clock
  readonly #bodyMs: number
  readonly #attempt: Attempt

  constructor(clock: Clock, bodyMs: number, attempt: Attempt) {
    this.#clock = clock
    this.#bodyMs = bodyMs
    this.#attempt = attempt
  }

  flow(sink: BodySink): void {
    if (this.#bodyMs === 0) this.#finish(sink)
    else this.#clock.after(this.#bodyMs, () => this.#finish(sink))
  }

  resume(): void { /* Two bytes never meet back-pressure. */ }

  discard(): void { this.#attempt.closed() }

  #finish(sink: BodySink): void {
    if (this.#attempt.isClosed) return
    sink.write(new Uint8Array(2))
    sink.end(null)
    this.#attempt.closed()
  }
}

