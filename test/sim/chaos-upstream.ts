// An upstream that does whatever a real one may do: refuses, hangs, breaks, answers early, late, in pieces or without
// end. What comes of each call is drawn; nothing of it ever ends by itself because of an idle timeout, so that whatever
// nobody waits for any more has to be ended by whoever began it.

import type { Attempt } from '../../proxy/core/attempt.ts'
import type { BodySink, BodySource } from '../../proxy/core/body.ts'
import type { Clock } from '../../proxy/core/clock.ts'
import type { Random } from '../../proxy/core/random.ts'
import type { RawHeaders } from '../../proxy/core/raw-headers.ts'
import type { CheckResult, Endpoint, Upstream } from '../../proxy/core/upstream.ts'
import { exponential } from './seeded-random.ts'

export interface Chaos {
  /** Parts of the calls, 0 to 1: not connected, never answered, broken before the head, broken in the body. */
  refused: number
  hangs: number
  resets: number
  bodyBreaks: number
  /** Bodies that begin and never end. */
  bodyHangs: number
  /** Answers that are not a 2xx. */
  failures: number
  /** Calls that wait for a connection first. */
  waits: number
  /** Heads that come before the body of the request. */
  early: number
  meanMs: number
}

export const calm: Chaos = {
  refused: 0, hangs: 0, resets: 0, bodyBreaks: 0, bodyHangs: 0, failures: 0, waits: 0, early: 0, meanMs: 5,
}

const failures: readonly (readonly [number, RawHeaders])[] = [
  [500, []], [502, []], [503, []], [503, ['retry-after', '1']], [504, []], [429, []], [429, ['retry-after', '0']],
  [404, []], [401, []], [408, []], [409, []], [503, ['proxy-status', 'far; error=proxy_internal_response; '
    + 'details="drain.closing"', 'idempotency-status', 'not-processed']],
]

export class ChaosUpstream implements Upstream {
  readonly name: string
  readonly endpoints: readonly Endpoint[]
  chaos: Chaos
  /** Attempts handed to it whose work is not over. */
  readonly open = new Set<Attempt>()
  /** Told of each request that arrived: the service may call somebody for it. */
  onCall: ((attempt: Attempt) => void) | null = null
  readonly #clock: Clock
  readonly #random: Random
  #turn = 0

  constructor(name: string, hosts: readonly string[], clock: Clock, random: Random, chaos: Chaos) {
    this.name = name
    this.endpoints = hosts.map((host) => ({ url: `http://${host}`, host, port: 80, isSecure: false }))
    this.#clock = clock
    this.#random = random
    this.chaos = chaos
  }

  send(attempt: Attempt): void {
    attempt.endpoint ??= this.endpoints[this.#turn++ % this.endpoints.length] as Endpoint
    this.open.add(attempt)
    new Call(this, attempt, this.#clock, this.#random).begin()
  }

  async probe(): Promise<string | null> { return null }
  async check(): Promise<CheckResult> { return 200 }
  inspect(): Record<string, number> { return { open: this.open.size } }
  close(): void { /* There is nothing open. */ }
}

/** One attempt at it. */
class Call {
  readonly #upstream: ChaosUpstream
  readonly #attempt: Attempt
  readonly #clock: Clock
  readonly #random: Random
  #isOver = false
  #body: ChaosBody | null = null

  constructor(upstream: ChaosUpstream, attempt: Attempt, clock: Clock, random: Random) {
    this.#upstream = upstream
    this.#attempt = attempt
    this.#clock = clock
    this.#random = random
  }

  begin(): void {
    const { refused, waits } = this.#upstream.chaos
    this.#attempt.leaf = { cut: () => { this.#cut() } }
    if (this.#is(refused)) return this.#later(1, () => { this.fails('upstream.refused') })
    if (this.#is(waits)) this.#later(20, () => { this.#sent() })
    else this.#sent()
  }

  /** The attempt is over for the upstream. */
  over(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#upstream.open.delete(this.#attempt)
    this.#attempt.closed()
  }

  fails(fault: 'upstream.refused' | 'upstream.reset'): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#upstream.open.delete(this.#attempt)
    this.#attempt.failed(fault, 'by chance')
  }

  get isOver(): boolean { return this.#isOver }

  #sent(): void {
    const { chaos } = this.#upstream
    const { work } = this.#attempt
    this.#attempt.sent()
    work.exchange.spanId = String(this.#attempt.serial).padStart(16, '0')
    const isEarly = this.#is(chaos.early)
    const body = work.openBody()
    if (body === null || isEarly) this.#later(chaos.meanMs, () => { this.#answer() })
    body?.flow({
      write: () => !this.#isOver,
      end: () => {
        if (this.#isOver) return
        this.#upstream.onCall?.(this.#attempt)
        if (!isEarly) this.#later(chaos.meanMs, () => { this.#answer() })
      },
      fail: () => {
        const now = this.#clock.now()
        const elapsedMs = now - this.#attempt.startedAt
        if (!this.#isOver) this.#attempt.cut({ kind: 'abandoned', by: 'caller', elapsedMs }, now)
      },
    })
    if (body === null) this.#upstream.onCall?.(this.#attempt)
  }

  #answer(): void {
    const { chaos } = this.#upstream
    if (this.#is(chaos.hangs)) return
    if (this.#is(chaos.resets)) return this.fails('upstream.reset')
    if (this.#is(0.05)) this.#attempt.informed(103, [])
    const [status, headers] = this.#is(chaos.failures)
      ? failures[Math.floor(this.#random() * failures.length)] as (typeof failures)[number]
      : [200, this.#is(0.05) ? ['content-type', 'text/event-stream'] : ['cache-control', 'max-age=1']]
    const body = this.#is(0.1) ? null : new ChaosBody(this, this.#clock, this.#draw(chaos))
    this.#body = body
    this.#attempt.headed({ kind: 'reply', status, reason: '', headers, body, origin: 'upstream' })
    if (body === null) this.over()
  }

  #draw({ bodyBreaks, bodyHangs, meanMs }: Chaos): BodyDraw {
    const stepMs = this.#is(0.5) ? 0 : exponential(this.#random, meanMs)
    return { breaks: this.#is(bodyBreaks), hangs: this.#is(bodyHangs), stepMs, steps: Math.floor(this.#random() * 4) }
  }

  #cut(): void {
    this.over()
    this.#body?.broken()
  }

  #later(meanMs: number, act: () => void): void {
    this.#clock.after(exponential(this.#random, meanMs), () => { if (!this.#isOver) act() })
  }

  #is(part: number): boolean { return this.#random() < part }
}

interface BodyDraw {
  readonly breaks: boolean
  readonly hangs: boolean
  readonly stepMs: number
  readonly steps: number
}

/** An answer in pieces. */
class ChaosBody implements BodySource {
  readonly length = -1
  readonly #call: Call
  readonly #clock: Clock
  readonly #how: BodyDraw
  #sink: BodySink | null = null
  #at = 0
  #isStopped = false

  constructor(call: Call, clock: Clock, how: BodyDraw) {
    this.#call = call
    this.#clock = clock
    this.#how = how
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
    this.#call.over()
  }

  /** The attempt was cut. */
  broken(): void {
    const sink = this.#sink
    this.#sink = null
    sink?.fail('the attempt was cut')
  }

  #next(): void {
    const sink = this.#sink
    if (sink === null || this.#call.isOver) return
    const { breaks, hangs, stepMs, steps } = this.#how
    if (this.#at++ === steps) {
      if (hangs) return
      this.#sink = null
      if (breaks) {
        this.#call.fails('upstream.reset')
        return sink.fail('by chance')
      }
      this.#call.over()
      return sink.end(null)
    }
    if (!sink.write(new Uint8Array(100))) this.#isStopped = true
    else this.#clock.after(stepMs, () => { this.#next() })
  }
}
