// A service in virtual time that calls others while it works, as real ones do: each request takes one of a few
// connections to a database and holds it until its call has come back. It has no limit and no timeout of its own.

import type { Attempt } from '../../proxy/core/attempt.ts'
import type { Clock } from '../../proxy/core/clock.ts'
import type { CheckResult, Endpoint, Upstream } from '../../proxy/core/upstream.ts'
import { WholeBody } from '../../proxy/core/whole-body.ts'
import type { SimCaller } from './sim-caller.ts'

interface Job { readonly attempt: Attempt; isCut: boolean }

/** What a request does: the call it makes, or null for work of its own, ms. */
export type Calls = (attempt: Attempt) => SimCaller | number

export class CallingService implements Upstream {
  readonly name = 'service'
  readonly endpoints: readonly Endpoint[] = [{ url: 'http://s.sim', host: 's.sim', port: 80, isSecure: false }]
  /** Connections in use, and requests that wait for one. */
  inUse = 0
  readonly #clock: Clock
  readonly #connections: number
  readonly #calls: Calls
  readonly #waiting: Job[] = []

  constructor(clock: Clock, connections: number, calls: Calls) {
    this.#clock = clock
    this.#connections = connections
    this.#calls = calls
  }

  get waiting(): number { return this.#waiting.length }

  send(attempt: Attempt): void {
    const job: Job = { attempt, isCut: false }
    attempt.endpoint = this.endpoints[0] as Endpoint
    attempt.leaf = {
      cut: () => {
        // It goes on and finds nobody to answer.
        job.isCut = true
        attempt.closed()
      },
    }
    attempt.sent()
    this.#waiting.push(job)
    this.#serve()
  }

  async probe(): Promise<string | null> { return null }
  async check(): Promise<CheckResult> { return 200 }
  inspect(): Record<string, number> { return { inUse: this.inUse } }
  close(): void { /* There is nothing open. */ }

  #serve(): void {
    while (this.inUse < this.#connections) {
      const job = this.#waiting.shift()
      if (job === undefined) return
      this.inUse++
      const what = this.#calls(job.attempt)
      if (typeof what === 'number') this.#clock.after(what, () => { this.#done(job, 200) })
      else this.#follow(job, what)
    }
  }

  /** The call's answer is the request's. */
  #follow(job: Job, call: SimCaller): void {
    const done = (): void => { this.#done(job, call.status < 400 && call.end === 'complete' ? 200 : 502) }
    if (call.end !== null) return this.#clock.endOfTurn(done)
    call.afterwards = done
  }

  #done({ attempt, isCut }: Job, status: number): void {
    this.inUse--
    if (!isCut) {
      const body = new WholeBody([Buffer.from('ok')], 2, null)
      attempt.headed({ kind: 'reply', status, reason: '', headers: [], body, origin: 'upstream' })
      attempt.closed()
    }
    this.#serve()
  }
}
