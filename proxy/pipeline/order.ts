// THE list: in which order policies act, in the direction of travel, each with the reason why it stands there. The
// order is code, not configuration: wrong orders are outages, and nobody should be able to write one at 3 a.m.
// Never two queues in a row; never a wait while holding something another waiter needs.

import type { Attempt } from '../core/attempt.ts'
import type { Exchange } from '../core/exchange.ts'
import type { LayerDefinition, LeafDefinition, PolicyDefinition } from '../core/policy.ts'
import { balance } from '../policies/balance/balance.ts'
import { breaker } from '../policies/breaker/breaker.ts'
import { deadline } from '../policies/deadline/deadline.ts'
import { drain } from '../policies/drain/drain.ts'
import { failover } from '../policies/failover/failover.ts'
import { fallback } from '../policies/fallback/fallback.ts'
import { fault } from '../policies/fault/fault.ts'
import { claim, recall, record } from '../policies/idempotency/idempotency.ts'
import { hedge } from '../policies/hedge/hedge.ts'
import { inherit } from '../policies/inherit/inherit.ts'
import { rateLimit } from '../policies/rate-limit/rate-limit.ts'
import { priority } from '../policies/priority/priority.ts'
import { retry } from '../policies/retry/retry.ts'
import { permit } from '../policies/shed/permit.ts'
import { shed } from '../policies/shed/shed.ts'
import { throttle } from '../policies/throttle/throttle.ts'
import { timeouts } from '../policies/timeouts/timeouts.ts'

/** Gates of an exchange: between the caller and the work. */
export const exchangePolicies: readonly PolicyDefinition<Exchange>[] = [
  // Must answer even when everything else is full, and counts who is inside.
  drain,
  // Whose calls are whose: finds the exchanges a call of the service is made for, before its deadline is set.
  inherit,
  // The class, of which everybody behind may want to know, and what was inherited has a say in.
  priority,
  // A request that is already dead must not spend anything; arms the timer that covers every wait behind it.
  deadline,
  // Fairness between callers comes before the capacity of all; decided here and at once, whatever a store does.
  rateLimit,
  // Who repeats a request is answered without capacity: also while the service sheds, a breaker is open, or we drain.
  recall,
  // The upstream's one admission and its one queue. Refuses on arrival, with the body untouched. Puts the permit into
  // the work; nothing behind it waits again.
  shed,
]

/** Layers around the attempts of a work, from the outermost in. */
export const layers: readonly LayerDefinition[] = [
  // Answers only: sends nothing upstream, and is never recorded. Outside all that could still find a real answer.
  fallback,
  // Outside whatever sends again or elsewhere: all attempts of one key are one record, written before it is replied.
  record,
  // Outside retry, because the second upstream is asked when the first is given up; inside what records a key, because
  // all attempts of one key are one record.
  failover,
  // Sees each judged outcome, spends the upstream's budget, and never repeats a refusal of our own.
  retry,
  // Inside retry: two attempts at a time are one try, and a lost hedge is no failure.
  hedge,
]

/** Gates of an attempt: between the work and the wire. */
export const attemptPolicies: readonly PolicyDefinition<Attempt>[] = [
  // Picks the endpoint, other than those tried; what stands behind it may want to know which.
  balance,
  // The soft stage: asks less of an upstream that accepts little, before anything is decided for all.
  throttle,
  // An open one answers at once; before the permit, so that a refusal of ours is never a failure of theirs.
  breaker,
  // Binds one permit to this attempt, until the upstream's work is over.
  permit,
  // The last look at the time before the wire: refuses when the deadline is gone, else gives the attempt its own.
  timeouts,
  // The last before the wire, so that nothing that is refused has ever taken a key.
  claim,
]

/** The same of an upgrade, which takes no key: bytes both ways are no answer that could be given again. */
export const upgradePolicies: readonly PolicyDefinition<Attempt>[] = attemptPolicies.filter((one) => one !== claim)

/** Between the last gate and the wire. */
export const leaves: readonly LeafDefinition[] = [
  // What is injected is met by everything above as if the upstream had done it.
  fault,
]
