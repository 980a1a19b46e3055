// Answers in the place of a failure, by its code or status: the last good answer to the same request, or a fixed one.
// It sends nothing upstream, and what it answers is never recorded for a key nor seen by a limit or breaker: these have
// learned from the attempt itself.
//
// Observe: the failure is the answer; what would have been answered instead is counted in the status.

import type { Code } from '../../core/codes.ts'
import type { Clock } from '../../core/clock.ts'
import { isSafe } from '../../core/methods.ts'
import type { Counter } from '../../core/meter.ts'
import type { Outcome, Reply } from '../../core/outcome.ts'
import type { AtDoor, Handler, LayerDefinition, PolicyContext } from '../../core/policy.ts'
import type { Random } from '../../core/random.ts'
import { TriggerSet } from '../../core/trigger.ts'
import { WholeBody } from '../../core/whole-body.ts'
import type { Work } from '../../core/work.ts'
import { CopyingBody } from './copying-body.ts'
import { FixedAnswer, proxyStatus } from './fixed-answer.ts'
import { largestBytes, LastGood } from './last-good.ts'
import type { Kept, Realm } from './last-good.ts'
import { fallbackSchema } from './schema.ts'
import type { FallbackOptions } from './schema.ts'

const defaultMaxStaleMs = 300_000

interface Ground {
  readonly on: TriggerSet
  readonly fixed: FixedAnswer | null
  readonly lastGood: LastGood | null
  readonly realm: Realm
  readonly maxStaleMs: number
  readonly clock: Clock
  readonly random: Random
  readonly count: { readonly [K in 'fixed' | 'lastGood']: Counter }
}

class Fallback {
  readonly #next: Handler
  readonly #ground: Ground
  readonly figures = { answered: 0, wouldHaveAnswered: 0 }

  constructor(next: Handler, ground: Ground) {
    this.#next = next
    this.#ground = ground
  }

  readonly handle: Handler = async (work, kind) => {
    const { on } = this.#ground
    // The deadline ends the exchange while its attempts still run: whoever tells the caller asks here first.
    if (on.has('deadline.expired')) {
      const substitute = (code: Code): Reply | null => this.#substitute(work, code)
      work.substitute = substitute
    }
    const outcome = await this.#next(work, kind)
    work.substitute = null
    const trigger = on.of(outcome)
    if (trigger === null) return this.#remember(work, outcome)
    const instead = work.exchange.outcome === null ? this.#answerTo(work, outcome, trigger) : null
    if (instead === null) return outcome
    if (outcome.kind === 'reply') outcome.body?.discard()
    return instead
  }

  /** Instead of a refusal of the admission: before any attempt, and so never at the cost of one. */
  readonly atDoor: AtDoor = (work, refused) =>
    this.#ground.on.has(refused.code) ? this.#answerTo(work, refused, refused.code) : null

  readonly observe: Handler = async (work, kind) => {
    const outcome = await this.#next(work, kind)
    const trigger = this.#ground.on.of(outcome)
    if (trigger === null) return this.#remember(work, outcome)
    if (this.#lastGood(work, trigger) !== null || this.#fixedFor(work) !== null) this.figures.wouldHaveAnswered++
    return outcome
  }

  #substitute(work: Work, code: Code): Reply | null {
    if (!this.#ground.on.has(code)) return null
    const elapsedMs = this.#ground.clock.now() - work.exchange.startedAt
    return this.#answerTo(work, { kind: 'abandoned', by: 'deadline', elapsedMs }, code)
  }

  #answerTo(work: Work, outcome: Outcome, trigger: Code | number): Reply | null {
    const { count, random } = this.#ground
    const lastGood = this.#lastGood(work, trigger)
    const fixed = lastGood === null ? this.#fixedFor(work) : null
    if (lastGood === null && fixed === null) return null
    this.figures.answered++
    if (lastGood !== null) {
      count.lastGood.add()
      return lastGood
    }
    count.fixed.add()
    return (fixed as FixedAnswer).reply(outcome, trigger, work.delivered !== 'no', random)
  }

  /** Nobody is told that something happened, or will, which nobody did. */
  #fixedFor({ exchange }: Work): FixedAnswer | null {
    const { fixed } = this.#ground
    if (fixed === null || (fixed.status < 300 && !isSafe(exchange.caller.head.method))) return null
    return fixed
  }

  #lastGood(work: Work, trigger: Code | number): Reply | null {
    const { lastGood, realm, clock, maxStaleMs } = this.#ground
    const { head } = work.exchange.caller
    if (lastGood === null || (head.method !== 'GET' && head.method !== 'HEAD')) return null
    const kept = lastGood.find(realm, head)
    if (kept === undefined) return null
    const ageMs = kept.ageMs + clock.now() - kept.keptAt
    const freshMs = kept.lifetimeMs - ageMs
    if (-freshMs > Math.min(maxStaleMs, kept.mostStaleMs)) return null
    return lastGoodReply(kept, { ageMs, freshMs, trigger, wasSent: work.delivered !== 'no' })
  }

  /** Keeps a copy of a good answer while it passes; forgets what a change may have made wrong. */
  #remember(work: Work, outcome: Outcome): Outcome {
    const { lastGood, realm, clock } = this.#ground
    if (lastGood === null || outcome.kind !== 'reply' || outcome.origin !== 'upstream') return outcome
    const { head } = work.exchange.caller
    if (!isSafe(head.method)) {
      if (outcome.status < 400) lastGood.forget(realm, head)
      return outcome
    }
    const keeping = lastGood.wants(realm, head, outcome, clock.now())
    if (keeping === null) return outcome
    const { status, reason, headers } = outcome
    const copied = (body: Uint8Array): void => {
      lastGood.keep(realm, head, { ...keeping, status, reason, headers, body, keptAt: clock.now() })
    }
    if (outcome.body === null) {
      copied(new Uint8Array(0))
      return outcome
    }
    return { ...outcome, body: new CopyingBody(outcome.body, {
      maxBytes: largestBytes, copied,
      reserve: (bytes) => lastGood.reserve(bytes), free: (bytes) => { lastGood.free(bytes) },
    }) }
  }
}

interface Reuse {
  readonly ageMs: number
  /** Below 0: stale for so long. */
  readonly freshMs: number
  readonly trigger: Code | number
  readonly wasSent: boolean
}

function lastGoodReply(kept: Kept, { ageMs, freshMs, trigger, wasSent }: Reuse): Reply {
  const { status, reason, body } = kept
  const passing = kept.headers.filter((_, i, all) => (all[i - i % 2] as string).toLowerCase() !== 'age')
  // RFC 9211: forwarded in vain, or not at all.
  const how = wasSent ? `fwd=stale${typeof trigger === 'number' ? `; fwd-status=${trigger}` : ''}` : 'hit'
  const headers = [
    ...passing, 'age', String(Math.floor(ageMs / 1000)),
    'cache-status', `seawall; ${how}; ttl=${Math.floor(freshMs / 1000)}; detail="${trigger}"`,
    'proxy-status', proxyStatus(trigger),
  ]
  const whole = new WholeBody(body.length === 0 ? [] : [body], body.length, null)
  return { kind: 'reply', status, reason, headers, body: whole, origin: 'fallback' }
}

export const fallback: LayerDefinition = {
  name: 'fallback',
  routeSchema: { fallback: fallbackSchema },
  create: (context) => {
    const options = context.routeOptions['fallback'] as FallbackOptions | 'off' | undefined
    if (options === undefined || options === 'off') return null
    const ground = groundOf(options, context)
    return (next) => {
      const layer = new Fallback(next, ground)
      const { lastGood } = ground
      context.show('fallback', context.route, () => ({
        ...layer.figures, ...(lastGood === null ? {} : { keptAnswers: lastGood.count, keptBytes: lastGood.bytes }),
      }))
      return context.shadow ? layer.observe : layer.handle
    }
  },
  atDoor: (context) => {
    const options = context.routeOptions['fallback'] as FallbackOptions | 'off' | undefined
    if (options === undefined || options === 'off' || !new TriggerSet(options.on).hasDoor) return null
    return new Fallback(nobody, groundOf(options, context)).atDoor
  },
}

/** At the doors there is no next. */
const nobody: Handler = () => Promise.reject(new Error('nothing stands behind a refusal'))

function groundOf(options: FallbackOptions, context: PolicyContext): Ground {
  const { route, upstream, clock, random, meter } = context
  const { status, headers, body, lastGood } = options
  const isFixed = status !== undefined || headers !== undefined || body !== undefined
  const counter = (kind: string): Counter => meter.counter('seawall_fallbacks_total', { route, kind })
  return {
    on: new TriggerSet(options.on),
    fixed: isFixed ? new FixedAnswer(options) : null,
    lastGood: lastGood === undefined ? null : context.part('last-good', () => new LastGood()),
    realm: { name: upstream, vary: (lastGood?.vary ?? []).map((name) => name.toLowerCase()) },
    maxStaleMs: lastGood?.maxStale ?? defaultMaxStaleMs,
    clock, random,
    count: { fixed: counter('fixed'), lastGood: counter('last-good') },
  }
}
