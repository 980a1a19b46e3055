// Which exchanges are under way, by trace: what a call of the service is made for is found by the traceparent that the
// service handed on. Bounded; a trace is forgotten when its exchanges are over, and those whose callers left are
// remembered for a while, because the service often goes on working for them.

import type { Exchange } from '../../core/exchange.ts'
import type { TraceParent } from '../../core/traceparent.ts'

/** open: somebody waits for it. left: its caller is gone, or its time is over. ended: it was answered. */
export type KinState = 'open' | 'left' | 'ended'

/** An exchange as one that lends. */
export interface Kin {
  readonly exchange: Exchange
  readonly traceId: string
  state: KinState
  leftAt: number
  /** Calls that are made for it and not over; null: there was none yet. */
  children: Set<Exchange> | null
}

/** Traces at once; as many as there may be connections. */
const maxTraces = 10_000
/** How long a service is believed to go on for a caller that left, ms. */
const rememberLeftMs = 10_000

export class Lineage {
  readonly #byTrace = new Map<string, Kin[]>()
  readonly #left: Kin[] = []
  #forgotten = 0

  /** An exchange begins. The oldest trace gives way when there are too many. */
  join(exchange: Exchange, traceId: string, now: number): Kin {
    this.#purge(now)
    const kin: Kin = { exchange, traceId, state: 'open', leftAt: 0, children: null }
    const known = this.#byTrace.get(traceId)
    if (known !== undefined) {
      known.push(kin)
      return kin
    }
    if (this.#byTrace.size >= maxTraces) {
      for (const oldest of this.#byTrace.keys()) {
        this.#byTrace.delete(oldest)
        this.#forgotten++
        break
      }
    }
    this.#byTrace.set(traceId, [kin])
    return kin
  }

  /** Its caller is gone: its calls are looked at by whoever reads `children`. */
  left(kin: Kin, now: number): void {
    if (kin.state !== 'open') return
    kin.state = 'left'
    kin.leftAt = now
    this.#left.push(kin)
  }

  /** It is over: one that was answered is forgotten at once. */
  ended(kin: Kin): void {
    if (kin.state !== 'open') return
    kin.state = 'ended'
    this.#forget(kin)
  }

  /** Those a call with this traceparent is made for. A parent-id of ours names one of them exactly. */
  find(parent: TraceParent, now: number): readonly Kin[] {
    this.#purge(now)
    const kin = this.#byTrace.get(parent.traceId) ?? []
    for (const one of kin) if (one.exchange.spanId === parent.parentId) return [one]
    return kin
  }

  figures(): Record<string, number> {
    return { traces: this.#byTrace.size, left: this.#left.length, forgotten: this.#forgotten }
  }

  #purge(now: number): void {
    while (this.#left.length > 0) {
      const oldest = this.#left[0] as Kin
      if (now - oldest.leftAt < rememberLeftMs) return
      this.#left.shift()
      this.#forget(oldest)
    }
  }

  #forget(kin: Kin): void {
    const kins = this.#byTrace.get(kin.traceId)
    if (kins === undefined) return
    const at = kins.indexOf(kin)
    if (at >= 0) kins.splice(at, 1)
    if (kins.length === 0) this.#byTrace.delete(kin.traceId)
  }
}
