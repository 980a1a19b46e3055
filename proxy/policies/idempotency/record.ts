// Around everything that sends: sees to it that the request is here whole, and writes down what all attempts of one key
// came to, before it is replied. Who lost the race for the key is answered here as recall would have, without a permit.

import type { AttemptKind } from '../../core/attempt.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Answer, Outcome } from '../../core/outcome.ts'
import type { Handler, Layer } from '../../core/policy.ts'
import type { Soon } from '../../core/record-store.ts'
import { WAIT } from '../../core/scope.ts'
import type { Work } from '../../core/work.ts'
import { inProgress, withStatus } from './answers.ts'
import { keyedOf } from './keyed.ts'
import type { Keyed } from './keyed.ts'
import type { KeyedRoute } from './keyed-route.ts'
import { Recollection } from './recollection.ts'

/** How often the key may be free again after a lost race before the caller is told to come back. */
const maxTurns = 3

export function recordLayer(route: KeyedRoute): Layer {
  return (next) => (work, kind) => {
    const keyed = keyedOf(work.exchange)
    if (keyed === null || keyed.isBypassed) {
      return next(work, kind).then((outcome) => bypassed(route, work.exchange, outcome))
    }
    return new Promise((resolve, reject) => { new Recording(keyed, next, work, kind, resolve, reject).begin() })
  }
}

/** One request with a key behind the door: the attempts for it, anew each time that a lost race left the key free. */
class Recording {
  readonly #keyed: Keyed
  readonly #next: Handler
  readonly #work: Work
  readonly #kind: AttemptKind
  readonly #resolve: (outcome: Outcome) => void
  readonly #reject: (error: unknown) => void
  #turns = 0

  constructor(
    keyed: Keyed, next: Handler, work: Work, kind: AttemptKind, resolve: (outcome: Outcome) => void,
    reject: (error: unknown) => void,
  ) {
    this.#keyed = keyed
    this.#next = next
    this.#work = work
    this.#kind = kind
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Reads the body where no door has done so. */
  begin(): void {
    const { intake } = this.#keyed
    const verdict = intake.isWhole ? null : intake.read((refused) => { this.#goOn(refused) })
    if (verdict !== WAIT) this.#goOn(verdict)
  }

  /** Null: nothing is in the way of sending it. */
  #goOn(answer: Answer | null): void {
    if (answer === null) this.#turn()
    else this.#resolve(answer)
  }

  #turn(): void {
    const keyed = this.#keyed
    if (this.#turns++ === maxTurns) {
      keyed.count('in-progress')
      return this.#resolve(inProgress)
    }
    keyed.lost = null
    try {
      const coming = this.#next(this.#work, this.#kind)
      coming.then((outcome) => { this.#cameTo(outcome) }, (error: unknown) => { this.#gaveWay(error) })
    } catch (error) {
      this.#gaveWay(error)
    }
  }

  #cameTo(outcome: Outcome): void {
    const keyed = this.#keyed
    try {
      if (keyed.holding !== null) return this.#tell(keyed.holding.conclude(outcome))
      if (keyed.isBypassed) return this.#resolve(bypassed(keyed.route, keyed.exchange, outcome))
      const hasLost = keyed.lost !== null && outcome.kind === 'refused' && outcome.by === 'claim'
      if (!hasLost) return this.#resolve(outcome)
      recollect(keyed).then((answer) => { this.#goOn(answer) }).catch(this.#reject)
    } catch (error) {
      this.#reject(error)
    }
  }

  #tell(outcome: Soon<Outcome>): void {
    if (outcome instanceof Promise) outcome.then(this.#resolve, this.#reject)
    else this.#resolve(outcome)
  }

  /** A defect of ours: of the key is known what `delivered` says, and nobody else would ever say it. */
  #gaveWay(error: unknown): void {
    const { holding } = this.#keyed
    if (holding === null) return this.#reject(error)
    const failed: Outcome = { kind: 'failed', fault: 'upstream.reset', cause: String(error) }
    Promise.resolve(holding.conclude(failed)).then(() => { this.#reject(error) }, this.#reject)
  }
}

/** Sent without a record: nobody repeats it safely, and the caller is told. */
function bypassed(route: KeyedRoute, { caller }: Exchange, outcome: Outcome): Outcome {
  if (!route.settings.methods.has(caller.head.method) || outcome.kind !== 'reply') return outcome
  route.count('bypassed')
  return withStatus(outcome, 'bypassed')
}

/** As recall would have answered; null: the key is free. */
async function recollect(keyed: Keyed): Promise<Answer | null> {
  // Its caller has left or been told: nobody waits.
  if (keyed.exchange.outcome !== null) return inProgress
  const { promise, resolve } = Promise.withResolvers<Answer | null>()
  const recollection = new Recollection(keyed, resolve)
  const verdict = recollection.begin()
  if (verdict !== WAIT) return verdict
  keyed.recollection = recollection
  const giveUp = (): void => {
    recollection.leave()
    resolve(inProgress)
  }
  keyed.exchange.work.onOver = giveUp
  const answer = await promise
  keyed.recollection = null
  keyed.exchange.work.onOver = null
  return answer
}
