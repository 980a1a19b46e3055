// A call of the service belongs to the exchanges it is made for. It takes over the strictest of their deadlines and the
// highest of their classes; and when all of them have left, what was not sent is dropped and what is safe is cut. The
// service does nothing for it but hand on `traceparent`, as every instrumented service does.

import type { Exchange } from '../../core/exchange.ts'
import type { Counter } from '../../core/meter.ts'
import { isSafe } from '../../core/methods.ts'
import type { Outcome, Refused } from '../../core/outcome.ts'
import type { Gate, PolicyContext, PolicyDefinition } from '../../core/policy.ts'
import { isTraceId, parseTraceparent } from '../../core/traceparent.ts'
import { levelOf } from '../../core/priority.ts'
import { traceId } from '../../core/random.ts'
import type { Random } from '../../core/random.ts'
import { onlyValue } from '../../core/raw-headers.ts'
import type { Verdict } from '../../core/scope.ts'
import { Lineage } from './lineage.ts'
import type { Kin } from './lineage.ts'
import { inheritSchema } from './schema.ts'

const lineageKey = 'lineage'

/** Everybody it was made for had left before it came. */
const orphaned: Refused = { kind: 'refused', by: 'inherit', code: 'caller.gone', status: 499, retryAfterMs: 0 }

/** On ingress: makes the exchange known while it is under way. */
class LendingGate implements Gate<Exchange> {
  readonly name = 'inherit'
  readonly #lineage: Lineage
  readonly #random: Random

  constructor(lineage: Lineage, random: Random) {
    this.#lineage = lineage
    this.#random = random
  }

  admit(exchange: Exchange, now: number): Verdict {
    const parent = onlyValue(exchange.caller.head.headers, 'traceparent')
    const { requestId } = exchange
    // As the leaf will do it, and before it: the trace that goes upstream has to be known.
    exchange.traceId = (parent === undefined ? null : parseTraceparent(parent))?.traceId
      ?? (isTraceId(requestId) ? requestId : traceId(this.#random))
    exchange.kin = this.#lineage.join(exchange, exchange.traceId, now)
    return null
  }

  /** Left, or late: unless its work goes on under a key, whoever calls for it now calls for nobody. */
  judge(exchange: Exchange, outcome: Outcome, now: number): void {
    if (outcome.kind !== 'abandoned' || exchange.work.keeper !== null) return
    const kin = exchange.kin as Kin
    this.#lineage.left(kin, now)
    for (const child of kin.children ?? []) loseParent(child, now)
  }

  release(exchange: Exchange): void {
    this.#lineage.ended(exchange.kin as Kin)
  }
}

/** A call whose own time is over with that of its exchange is told so, by its own deadline. */
function loseParent(child: Exchange, now: number): void {
  if (isOrphan(child) && child.deadlineAt > now) child.orphan(now)
}

/** Whether it was made for somebody, and all of them have left. */
function isOrphan({ kin }: Exchange): boolean {
  return kin !== null && (kin as readonly Kin[]).every(({ state }) => state === 'left')
}

interface Counters {
  readonly deadline: Counter
  readonly priority: Counter
  readonly cancelled: Counter
  readonly nobody: Counter
}


/** On egress: finds those a call is made for, and takes over from them. */
class TakingGate implements Gate<Exchange> {
  readonly name = 'inherit'
  readonly #lineage: Lineage
  readonly #counters: Counters

  constructor(lineage: Lineage, counters: Counters) {
    this.#lineage = lineage
    this.#counters = counters
  }

  admit(exchange: Exchange, now: number, shadow: boolean): Verdict {
    const field = onlyValue(exchange.caller.head.headers, 'traceparent')
    const parent = field === undefined ? null : parseTraceparent(field)
    const kin = parent === null ? [] : this.#lineage.find(parent, now)
    if (kin.length === 0) {
      this.#counters.nobody.add()
      return null
    }
    if (kin.every(({ state }) => state === 'left')) {
      this.#counters.cancelled.add()
      if (!shadow) return orphaned
      exchange.wouldRefuse('caller.gone', 'inherit')
      return null
    }
    // The list in the lineage changes with its exchanges; what this call was made for does not.
    const mine = [...kin]
    exchange.kin = mine
    if (!isSafe(exchange.caller.head.method)) for (const one of mine) one.exchange.unsafeCalls++
    if (shadow) return null
    this.#takeOver(exchange, mine)
    for (const one of mine) (one.children ??= new Set()).add(exchange)
    return null
  }

  judge(exchange: Exchange, outcome: Outcome): void {
    const kin = (exchange.kin ?? []) as readonly Kin[]
    const isBound = kin[0]?.children?.has(exchange) === true
    if (outcome.kind === 'abandoned' && isBound && isOrphan(exchange)) this.#counters.cancelled.add()
    if (exchange.work.delivered !== 'no' || isSafe(exchange.caller.head.method)) return
    // Nothing was sent. Of any other something may have been done for them, whatever the service says of its own now.
    for (const one of kin) one.exchange.unsafeCalls--
  }

  release(exchange: Exchange): void {
    for (const one of (exchange.kin ?? []) as readonly Kin[]) one.children?.delete(exchange)
  }

  #takeOver(exchange: Exchange, kin: readonly Kin[]): void {
    for (const { exchange: lender, state } of kin) {
      if (state !== 'open') continue
      exchange.inheritedDeadlineAt = Math.min(exchange.inheritedDeadlineAt, lender.deadlineAt)
      const known = exchange.inheritedPriority
      if (known === null || levelOf[lender.priority] < levelOf[known]) exchange.inheritedPriority = lender.priority
    }
    if (exchange.inheritedDeadlineAt !== Infinity) this.#counters.deadline.add()
    if (exchange.inheritedPriority !== null) this.#counters.priority.add()
  }
}

function create(context: PolicyContext): Gate<Exchange> | null {
  const { route, random, meter, listenerKind, hasEgress } = context
  if (!hasEgress) return null
  const lineage = context.part(lineageKey, () => new Lineage())
  if (listenerKind === 'ingress') return new LendingGate(lineage, random)
  const counter = (what: string): Counter => meter.counter('seawall_inherited_total', { route, what })
  context.show('inherit', route, () => lineage.figures())
  return new TakingGate(lineage, {
    deadline: counter('deadline'), priority: counter('priority'), cancelled: counter('cancelled'),
    nobody: counter('nobody'),
  })
}

export const inherit: PolicyDefinition<Exchange> = {
  name: 'inherit', routeSchema: { inherit: inheritSchema }, create,
}
