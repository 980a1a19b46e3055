// Faults on purpose, so that a team can rehearse: delay, abort, reset and slow bodies, by share or by a field of the
// request. They stand where the wire begins: what is injected is judged, counted and repeated like the real thing.

import type { Attempt } from '../../core/attempt.ts'
import type { BodySource } from '../../core/body.ts'
import type { Clock } from '../../core/clock.ts'
import type { Counter } from '../../core/meter.ts'
import type { Reply } from '../../core/outcome.ts'
import type { LeafDefinition, PolicyContext } from '../../core/policy.ts'
import type { Random } from '../../core/random.ts'
import { firstValue } from '../../core/raw-headers.ts'
import type { Send } from '../../core/upstream.ts'
import { faultSchema } from './schema.ts'
import type { FaultOptions, InjectionOptions } from './schema.ts'
import { SlowBody } from './slow-body.ts'

type Kind = 'delay' | 'abort' | 'reset' | 'body-rate'

class Faults {
  readonly #injections: readonly InjectionOptions[]
  readonly #next: Send
  readonly #clock: Clock
  readonly #random: Random
  readonly #count: (kind: Kind) => Counter

  constructor(injections: readonly InjectionOptions[], next: Send, context: PolicyContext) {
    const { route, meter, clock, random } = context
    this.#injections = injections
    this.#next = next
    this.#clock = clock
    this.#random = random
    this.#count = (kind) => meter.counter('seawall_faults_injected_total', { route, kind })
  }

  readonly send: Send = (attempt) => {
    const struck = this.#injections.find((injection) => this.#strikes(injection, attempt))
    if (struck === undefined) return this.#next(attempt)
    if (struck.delay === undefined) return this.#strike(struck, attempt)
    this.#count('delay').add()
    const timer = this.#clock.after(struck.delay, () => {
      attempt.leaf = null
      this.#strike(struck, attempt)
    })
    // While it is held back it can be cut like one on the wire.
    attempt.leaf = { cut: () => {
      timer.clear()
      attempt.closed()
    } }
    attempt.sent()
  }

  #strikes({ share = 1, header }: InjectionOptions, { work }: Attempt): boolean {
    if (header !== undefined && firstValue(work.exchange.caller.head.headers, header.toLowerCase()) === undefined) {
      return false
    }
    return share >= 1 || this.#random() < share
  }

  #strike({ abort, reset, bodyRate }: InjectionOptions, attempt: Attempt): void {
    if (attempt.isClosed) return
    if (abort !== undefined) {
      this.#count('abort').add()
      attempt.sent()
      attempt.headed(abortion(abort))
      return attempt.closed()
    }
    if (reset === 'before') {
      this.#count('reset').add()
      attempt.sent()
      return attempt.failed('upstream.reset', 'injected: reset before anything was sent')
    }
    const lose = (): null => this.#lose(attempt)
    const slow = (reply: Reply): Reply => this.#slow(reply, bodyRate ?? Infinity)
    if (reset === 'after') attempt.alters = lose
    else if (bodyRate !== undefined) attempt.alters = slow
    this.#next(attempt)
  }

  /** The answer has come, and is lost. */
  #lose(attempt: Attempt): null {
    this.#count('reset').add()
    attempt.work.raise('yes')
    const now = this.#clock.now()
    attempt.cut({ kind: 'failed', fault: 'upstream.reset', cause: 'injected: reset after the answer' }, now)
    return null
  }

  #slow(reply: Reply, bodyRate: number): Reply {
    if (reply.body === null) return reply
    this.#count('body-rate').add()
    return { ...reply, body: new SlowBody(reply.body, bodyRate, this.#clock) }
  }
}

const explanation = Buffer.from('injected fault\n')

/** As if the upstream had said it. */
function abortion(status: number): Reply {
  const headers = ['content-type', 'text/plain', 'content-length', String(explanation.length)]
  return { kind: 'reply', status, reason: '', headers, body: wholeBody(), origin: 'upstream' }
}

function wholeBody(): BodySource {
  return {
    length: explanation.length,
    flow(sink) {
      sink.write(explanation)
      sink.end(null)
    },
    resume() {},
    discard() {},
  }
}

export const fault: LeafDefinition = {
  name: 'fault',
  routeSchema: { fault: faultSchema },
  create: (context, next) => {
    const options = context.routeOptions['fault'] as FaultOptions | undefined
    // Observing, nothing is done to anybody.
    if (options === undefined || context.shadow) return null
    return new Faults('injections' in options ? options.injections : options, next, context).send
  },
}
