// "On these endings": a list of codes and statuses as configuration writes it, and whether an outcome is one of them.
// Used by layers that put something in the place of a failure.

import { Type } from 'typebox'
import type { TUnsafe } from 'typebox'
import { codes } from './codes.ts'
import type { Code } from './codes.ts'
import type { Outcome } from './outcome.ts'

/** Codes that can come from behind the doors: of the attempts, their gates and the deadline that ends them. */
const possible = Object.keys(codes).filter((code) =>
  /^(upstream|breaker|throttle)\./.test(code) || code === 'deadline.expired') as Code[]

/** Codes of the admission: refused before any attempt. */
const atDoor = Object.keys(codes).filter((code) => /^(shed|bulkhead)\./.test(code)) as Code[]

export type Triggers = readonly (Code | number)[]

/** The schema of such a list. `withDoor`: refusals of the admission too. */
export function triggersSchema(
  { withDoor, ...options }: {
    readonly description: string; readonly examples: readonly Triggers[]; readonly withDoor?: boolean
  },
): TUnsafe<Triggers> {
  return Type.Unsafe<Triggers>({
    type: 'array', minItems: 1, maxItems: 100, uniqueItems: true, ...options,
    items: {
      description: 'A code of Seawall, or the status of an answer.',
      anyOf: [
        {
          type: 'string', enum: withDoor === true ? [...possible, ...atDoor] : possible,
          description: 'A code of Seawall.',
        },
        { type: 'integer', minimum: 400, maximum: 599, description: 'The status of an answer of the upstream.' },
      ],
    },
  })
}

export class TriggerSet {
  readonly #set: ReadonlySet<Code | number>

  constructor(triggers: Triggers) {
    this.#set = new Set(triggers)
  }

  /** Whether refusals of the admission are among them. */
  get hasDoor(): boolean { return atDoor.some((code) => this.#set.has(code)) }

  has(trigger: Code | number): boolean { return this.#set.has(trigger) }

  /** What of this outcome is in the list: its code, or the status of an upstream's answer; null: nothing. */
  of(outcome: Outcome): Code | number | null {
    const trigger = triggerOf(outcome)
    return trigger !== null && this.#set.has(trigger) ? trigger : null
  }
}

function triggerOf(outcome: Outcome): Code | number | null {
  switch (outcome.kind) {
    case 'reply': return outcome.origin === 'upstream' ? outcome.status : null
    case 'refused': return outcome.code
    case 'failed': return outcome.fault
    case 'abandoned': case 'tunnel': return null
  }
}
