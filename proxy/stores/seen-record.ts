// From a record as a store holds it to a record as the contract shows it.

import { randomBytes } from 'node:crypto'
import type { HeldDecision, HeldRecord } from '../algorithms/idempotency-record.ts'
import type { Decision, DoneRecord, InFlightRecord, StoredAnswer, UnknownRecord } from '../core/record-store.ts'
import { noAnswer } from './stored-answer.ts'

/** What only the store knows about an owner. */
export interface Ownership { readonly isOwn: boolean; readonly leaseLeftMs: number }

export function toSeen(
  record: HeldRecord<StoredAnswer>, { isOwn, leaseLeftMs }: Ownership,
): DoneRecord | InFlightRecord | UnknownRecord {
  const { stage, fingerprint, credential, generation, createdAtMs, owner } = record
  const facts = { fingerprint, credential, generation, createdAtMs }
  switch (stage.kind) {
    case 'done': return { kind: 'done', ...facts, finishedAtMs: stage.finishedAtMs, answer: stage.answer }
    case 'in-flight': return { kind: 'in-flight', ...facts, owner, isOwn, leaseLeftMs }
    case 'unknown': return { kind: 'unknown', ...facts, reason: stage.reason }
  }
}

/** An operator without an answer gets a gap: it was executed, and what it said is not known. */
export function operatorAnswer(decision: Decision): HeldDecision<StoredAnswer> {
  return decision.kind === 'executed' ? { kind: 'executed', answer: decision.answer ?? noAnswer } : decision
}

/** A token nobody else holds: later words of the old one are fenced. */
export function operatorToken(): string { return randomBytes(16).toString('base64url') }
