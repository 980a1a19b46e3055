// The closed sets that labels of metrics come from, each with the index a counter finds its slot by. Nothing a caller
// sends is ever a label: what is not in a set here comes from the configuration.

import { codes } from '../core/codes.ts'
import type { Code } from '../core/codes.ts'
import type { AttemptKind } from '../core/attempt.ts'
import type { Mode } from '../core/configuration.ts'
import type { Outcome, PolicyName } from '../core/outcome.ts'

/** One label with all its values; the position of a value is its index. */
export interface LabelSet {
  readonly name: string
  readonly values: readonly string[]
}

/** Position of every member of a union: the record must be complete, so a new member cannot be forgotten. */
type Positions<Value extends string> = { readonly [V in Value]: number }

const outcomePositions: Positions<Outcome['kind']> = { reply: 0, refused: 1, failed: 2, abandoned: 3, tunnel: 4 }
const kindPositions: Positions<AttemptKind> = { first: 0, retry: 1, hedge: 2, failover: 3 }
const modePositions: Positions<Mode> = { enforce: 0, observe: 1 }
const policyPositions: Positions<PolicyName> = {
  drain: 0, deadline: 1, rateLimit: 2, recall: 3, shed: 4, fallback: 5, record: 6, failover: 7, retry: 8, hedge: 9,
  balance: 10, throttle: 11, breaker: 12, permit: 13, timeouts: 14, claim: 15, fault: 16, forward: 17, inherit: 18,
  priority: 19,
}
const wherePositions = { arrival: 0, queue: 1, attempt: 2, body: 3 } as const

/** Where a deadline passed: before anything, in the admission queue, during attempts, in the body of an answer. */
export type DeadlinePlace = keyof typeof wherePositions

export const outcomeLabel: LabelSet = { name: 'outcome', values: Object.keys(outcomePositions) }
export const kindLabel: LabelSet = { name: 'kind', values: Object.keys(kindPositions) }
export const modeLabel: LabelSet = { name: 'mode', values: Object.keys(modePositions) }
export const policyLabel: LabelSet = { name: 'policy', values: Object.keys(policyPositions) }
export const whereLabel: LabelSet = { name: 'where', values: Object.keys(wherePositions) }

/** The empty code is an answer of upstream: Prometheus reads an empty label as an absent one. */
export const codeLabel: LabelSet = { name: 'code', values: ['', ...Object.keys(codes)] }

/** `none`: nothing could be told to the caller. */
export const statusClassLabel: LabelSet = { name: 'status_class', values: ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] }

const codePositions: ReadonlyMap<string, number> = new Map(codeLabel.values.map((code, index) => [code, index]))

export const outcomeIndex = (kind: Outcome['kind']): number => outcomePositions[kind]
export const kindIndex = (kind: AttemptKind): number => kindPositions[kind]
export const modeIndex = (mode: Mode): number => modePositions[mode]
export const policyIndex = (policy: PolicyName): number => policyPositions[policy]
export const whereIndex = (where: DeadlinePlace): number => wherePositions[where]
export const codeIndex = (code: Code | null): number => (code === null ? 0 : (codePositions.get(code) ?? 0))
export const statusClassIndex = (status: number): number =>
  (status >= 100 && status < 600 ? Math.floor(status / 100) : 0)
