// Sets the one deadline of an exchange and arms its timer. It counts from the arrival of the head; what remains of it
// goes upstream with each attempt. It never cuts anything itself: the exchange's owner does when it expires.

import type { Clock } from '../../core/clock.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Answer, Refused } from '../../core/outcome.ts'
import type { Gate, PolicyDefinition } from '../../core/policy.ts'
import type { Counter } from '../../core/meter.ts'
import type { RawHeaders } from '../../core/raw-headers.ts'
import type { Verdict } from '../../core/scope.ts'
import { deadlineSchema } from './schema.ts'
import type { DeadlineOptions } from './schema.ts'

/** What a caller may ask for where the route says nothing: 15 minutes. */
const defaultMaxMs = 900_000

/** Whole milliseconds, however many; anything else is garbage and is ignored. */
const wholeMs = /^[0-9]+$/

const expired: Refused = { kind: 'refused', by: 'deadline', code: 'deadline.expired', status: 504, retryAfterMs: 0 }

class DeadlineGate implements Gate<Exchange> {
  readonly name = 'deadline'
  readonly #clock: Clock
  readonly #defaultMs: number
  readonly #maxMs: number
  readonly #ignored: Counter

  constructor(options: DeadlineOptions, clock: Clock, ignored: Counter) {
    this.#clock = clock
    this.#ignored = ignored
    this.#defaultMs = options.default ?? Infinity
    this.#maxMs = options.max ?? defaultMaxMs
  }

  admit(exchange: Exchange, now: number, shadow: boolean): Verdict {
    const deadlineAt = Math.min(exchange.startedAt + this.#timeoutOf(exchange), exchange.inheritedDeadlineAt)
    if (deadlineAt === Infinity) return null
    if (shadow) {
      exchange.deadlineTimer = this.#clock.after(deadlineAt - now, () => {
        exchange.wouldRefuse('deadline.expired', 'deadline')
      })
      return null
    }
    exchange.deadlineAt = deadlineAt
    if (deadlineAt <= now) return expired
    exchange.deadlineTimer = this.#clock.after(deadlineAt - now, () => {
      exchange.deadlineTimer = null
      exchange.expire(this.#clock.now())
    })
    return null
  }

  recheck(exchange: Exchange, now: number): null | Answer {
    return exchange.deadlineAt <= now ? expired : null
  }

  release(exchange: Exchange): void {
    exchange.deadlineTimer?.clear()
    exchange.deadlineTimer = null
  }

  #timeoutOf(exchange: Exchange): number {
    const asked = askedFor(exchange.caller.head.headers)
    if (asked === null) return this.#defaultMs
    const timeoutMs = wholeMs.test(asked) ? Number(asked) : 0
    if (timeoutMs > 0 && timeoutMs <= this.#maxMs) return timeoutMs
    this.#ignored.add()
    return timeoutMs === 0 ? this.#defaultMs : this.#maxMs
  }
}

const ownName = 'x-request-timeout-ms'
const envoyName = 'x-envoy-expected-rq-timeout-ms'

/** What the caller says of its time, by our name or else Envoy's; '' when it says it twice, null when not at all. */
function askedFor(headers: RawHeaders): string | null {
  let own: string | null = null
  let envoy: string | null = null
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length === ownName.length && name.toLowerCase() === ownName) {
      own = own === null ? headers[i + 1] as string : ''
    } else if (name.length === envoyName.length && name.toLowerCase() === envoyName) {
      envoy = envoy === null ? headers[i + 1] as string : ''
    }
  }
  return own ?? envoy
}

/** Stands on every route, because a caller may send a deadline where the route has none. */
export const deadline: PolicyDefinition<Exchange> = {
  name: 'deadline',
  routeSchema: { deadline: deadlineSchema },
  create: (context) => new DeadlineGate(
    context.routeOptions['deadline'] ?? {}, context.clock,
    context.meter.counter('seawall_deadline_ignored_total', { route: context.route }),
  ),
}
