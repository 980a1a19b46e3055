// An upstream without a socket: one or several endpoints, each with slots, service times, one line inside, and faults
// that can be changed while it runs. An endpoint goes on working for attempts that were cut, as a real HTTP/1.1 service
// does.

import type { Attempt } from '../../proxy/core/attempt.ts'
import type { BodySink, BodySource } from '../../proxy/core/body.ts'
import type { Clock } from '../../proxy/core/clock.ts'
import type { RawHeaders } from '../../proxy/core/raw-headers.ts'
import type { CheckResult, Endpoint, Upstream } from '../../proxy/core/upstream.ts'

export interface Behaviour {
  /** Requests worked on at once. */
  slots: number
  serviceMs: () => number
  status: number
  /** Asked for each answer instead of `status`, where it is set. */
  statusOf: (() => number) | null
  /** Fields of every answer. */
  headers: RawHeaders
  /** refused: no connection; hang: accepts and never answers; reset: after the work is done; serve: answers. */
  mode: 'serve' | 'refused' | 'hang' | 'reset'
  /** Between the head of an answer and the end of its body. */
  bodyMs: number
  /** What an active check sees of an endpoint that is not refused and does not hang. */
  checkStatus: number
}

interface Job {
  readonly attempt: Attempt
  isCut: boolean
}

/** One endpoint, with its own behaviour and its own line. */
export class SimEndpoint {
  readonly endpoint: Endpoint
  readonly behaviour: Behaviour
  readonly #clock: Clock
  readonly #waiting: Job[] = []
  /** Requests being worked on now, and the most there ever were. */
  working = 0
  mostWorking = 0
  /** Attempts that reached the service, and when the last one did. */
  received = 0
  checks = 0

  constructor(endpoint: Endpoint, clock: Clock, behaviour: Behaviour) {
    this.endpoint = endpoint
    this.#clock = clock
    this.behaviour = behaviour
  }

  get waiting(): number { return this.#waiting.length }

  send(attempt: Attempt): void {
    const job: Job = { attempt, isCut: false }
    attempt.endpoint = this.endpoint
    attempt.leaf = { cut: () => this.#cut(job) }
    if (this.behaviour.mode === 'refused') {
      this.#clock.after(0, () => { if (!job.isCut) attempt.failed('upstream.refused', 'refused by script') })
      return
    }
    attempt.sent()
    this.received++
    this.#waiting.push(job)
    this.serve()
  }

  check(timeoutMs: number): Promise<CheckResult> {
    this.checks++
    const { mode, checkStatus } = this.behaviour
    if (mode === 'refused') return Promise.resolve('upstream.refused')
    const [afterMs, seen] = mode === 'hang' ? [timeoutMs, 'upstream.timeout'] as const : [1, checkStatus] as const
    return new Promise((resolve) => { this.#clock.after(afterMs, () => { resolve(seen) }) })
  }

  /** Works off what waits. */
  serve(): void {
    while (this.behaviour.mode !== 'hang' && this.working < this.behaviour.slots) {
      const job = this.#waiting.shift()
      if (job === undefined) return
      this.working++
      this.mostWorking = Math.max(this.mostWorking, this.working)
      this.#clock.after(this.behaviour.serviceMs(), () => this.#done(job))
    }
  }

  #cut(job: Job): void {
    job.isCut = true
    // The socket closes at once; the service goes on and finds nobody to answer.
    job.attempt.closed()
  }

  #done(job: Job): void {
    this.working--
    if (!job.isCut) this.#answer(job)
    this.serve()
  }

  #answer({ attempt }: Job): void {
    const { mode, status, statusOf, headers, bodyMs } = this.behaviour
    if (mode === 'reset') return attempt.failed('upstream.reset', 'reset by script')
    const body = new SimBody(this.#clock, bodyMs, attempt)
    attempt.headed({ kind: 'reply', status: statusOf?.() ?? status, reason: '', headers, body, origin: 'upstream' })
  }
}

export class SimUpstream implements Upstream {
  readonly name: string
  readonly endpoints: readonly Endpoint[]
  readonly hosts: readonly SimEndpoint[]
  readonly #first: SimEndpoint
  #turn = 0
  probes = 0

  /** `hosts`: how each of several endpoints differs from `behaviour`; one endpoint without it. */
  constructor(
    name: string, clock: Clock, behaviour: Partial<Behaviour> = {}, hosts: readonly Partial<Behaviour>[] = [{}],
  ) {
    this.name = name
    this.hosts = hosts.map((own, i) => {
      const host = hosts.length === 1 ? `${name}.sim` : `${name}-${i}.sim`
      return new SimEndpoint({ url: `http://${host}`, host, port: 80, isSecure: false }, clock, {
        slots: Infinity, serviceMs: () => 10, status: 200, statusOf: null, headers: [], mode: 'serve', bodyMs: 0,
        checkStatus: 200, ...behaviour, ...own,
      })
    })
    this.#first = this.hosts[0] as SimEndpoint
    this.endpoints = this.hosts.map(({ endpoint }) => endpoint)
  }

  /** Of the first endpoint; most worlds have one. */
  get behaviour(): Behaviour { return this.#first.behaviour }
  get working(): number { return this.#sum('working') }
  get mostWorking(): number { return this.#sum('mostWorking') }
  get received(): number { return this.#sum('received') }

  send(attempt: Attempt): void {
    // Without a balancer each has its turn.
    const chosen = attempt.endpoint ?? this.endpoints[this.#turn++ % this.endpoints.length]
    const host = this.hosts.find(({ endpoint }) => endpoint === chosen) ?? this.#first
    host.send(attempt)
  }

  async probe(): Promise<string | null> {
    this.probes++
    return this.behaviour.mode === 'refused' ? 'refused by script' : null
  }

  check(endpoint: Endpoint, _path: string, timeoutMs: number): Promise<CheckResult> {
    return (this.hosts.find((host) => host.endpoint === endpoint) ?? this.#first).check(timeoutMs)
  }

  inspect(): Record<string, number> {
    return { working: this.working, waiting: this.#sum('waiting') }
  }

  close(): void { /* There is nothing open. */ }

  /** Works off what waits, after `slots` or `mode` was changed. */
  nudge(): void { for (const host of this.hosts) host.serve() }

  #sum(what: 'working' | 'mostWorking' | 'received' | 'waiting'): number {
    return this.hosts.reduce((sum, host) => sum + host[what], 0)
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
