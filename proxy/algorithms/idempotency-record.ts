// The state machine of one idempotency record, as pure decisions: what a claim, a word by token or an operator may
// change. Stores apply a decision in one atomic step; the decisions know no clock, no store and no HTTP.
//
//   absent ── claim ──▶ in flight ── finish ──▶ done ── ttl ──▶ absent
//     ▲                  │      │                 ▲
//     └──── release ─────┘      └─ doubt, loss ─▶ unknown ── finish by the same token, or resolve ──▶ done | absent
//                                                 └── claim with `retry` ──▶ in flight, next generation
//
// A loss (the owner is gone) is written down before it is told to anybody: from then on its owner can finish, but
// neither renew nor release. So whoever was told "unknown" hears only that, or the answer, for as long as the key
// lives.

import type { ClaimRequest, DoubtReason } from '../core/record-store.ts'

export type Stage<Answer> =
  | { readonly kind: 'in-flight' }
  | { readonly kind: 'unknown'; readonly reason: DoubtReason }
  | { readonly kind: 'done'; readonly answer: Answer; readonly finishedAtMs: number }

/** A record as stores hold it. `Answer` is whatever form the store keeps answers in. */
export interface HeldRecord<Answer> {
  readonly stage: Stage<Answer>
  readonly token: string
  readonly owner: string
  readonly fingerprint: string
  readonly credential: string
  readonly generation: number
  readonly createdAtMs: number
  readonly expiresAtMs: number
}

/** What to say, and what to write: a record, null to remove it, undefined to leave everything as it is. */
export interface Change<Answer, Word extends string> {
  readonly say: Word
  readonly next: HeldRecord<Answer> | null | undefined
}

const inFlight = { kind: 'in-flight' } as const

/** The record as others may see it: gone when its time is over, in doubt when its owner is gone. */
export function asSeen<A>(record: HeldRecord<A> | null, nowMs: number, isOwnerGone: boolean): HeldRecord<A> | null {
  if (record === null) return null
  const isLive = record.stage.kind === 'in-flight' && !isOwnerGone
  // Work that is alive keeps its key, however long it takes.
  if (nowMs >= record.expiresAtMs && !isLive) return null
  return record.stage.kind === 'in-flight' && isOwnerGone ? lost(record) : record
}

/** In flight, but its owner is gone. */
export function lost<A>(record: HeldRecord<A>): HeldRecord<A> {
  return { ...record, stage: { kind: 'unknown', reason: 'owner-lost' } }
}

/** `record` as given by `asSeen`. The order of the questions is part of the contract. */
export function decideClaim<A>(
  record: HeldRecord<A> | null, request: ClaimRequest, owner: string, nowMs: number,
): Change<A, 'taken' | 'mismatch' | 'held'> {
  if (record === null) return { say: 'taken', next: claimed(request, owner, 1, nowMs) }
  // Its own token: the message was sent again. Only while in flight, or a late repetition would be a second permission.
  if (record.token === request.token && record.stage.kind === 'in-flight') return { say: 'taken', next: undefined }
  if (record.fingerprint !== request.fingerprint) return { say: 'mismatch', next: undefined }
  const isNext = record.stage.kind === 'unknown' && request.inDoubt === 'retry' && record.token !== request.token
  return isNext
    ? { say: 'taken', next: claimed(request, owner, record.generation + 1, nowMs) }
    : { say: 'held', next: undefined }
}

function claimed(request: ClaimRequest, owner: string, generation: number, nowMs: number): HeldRecord<never> {
  const { token, fingerprint, credential, ttlMs } = request
  return {
    stage: inFlight, token, owner, fingerprint, credential, generation,
    createdAtMs: nowMs, expiresAtMs: nowMs + ttlMs,
  }
}

export type TokenWord = 'stored' | 'already' | 'fenced' | 'gone'

/** `record` as stored; the lease does not matter to a word by token, the end of its time does. */
export function decideFinish<A>(
  record: HeldRecord<A> | null, token: string, answer: A, ttlMs: number, nowMs: number,
): Change<A, TokenWord> {
  if (record === null) return { say: 'gone', next: undefined }
  if (record.token !== token) return { say: 'fenced', next: undefined }
  if (record.stage.kind === 'done') return { say: 'already', next: undefined }
  const expiresAtMs = Math.max(record.expiresAtMs, nowMs + ttlMs)
  return { say: 'stored', next: { ...record, stage: { kind: 'done', answer, finishedAtMs: nowMs }, expiresAtMs } }
}

export function decideRelease<A>(record: HeldRecord<A> | null, token: string): Change<A, TokenWord> {
  if (record === null) return { say: 'gone', next: undefined }
  const isHeld = record.token === token && record.stage.kind === 'in-flight'
  return isHeld ? { say: 'stored', next: null } : { say: 'fenced', next: undefined }
}

export function decideDoubt<A>(
  record: HeldRecord<A> | null, token: string, reason: DoubtReason,
): Change<A, TokenWord> {
  if (record === null) return { say: 'gone', next: undefined }
  if (record.token !== token || record.stage.kind === 'done') return { say: 'fenced', next: undefined }
  if (record.stage.kind === 'unknown') return { say: 'already', next: undefined }
  return { say: 'stored', next: { ...record, stage: { kind: 'unknown', reason } } }
}

/** Whether the owner may go on; what a lease is, the store knows. */
export function decideRenew<A>(record: HeldRecord<A> | null, token: string): Change<A, TokenWord> {
  if (record === null) return { say: 'gone', next: undefined }
  const isHeld = record.token === token && record.stage.kind === 'in-flight'
  return { say: isHeld ? 'stored' : 'fenced', next: undefined }
}

/** What an operator decided, in the store's form of an answer. */
export type HeldDecision<Answer> =
  | { readonly kind: 'executed'; readonly answer: Answer }
  | { readonly kind: 'not-executed' }
  | { readonly kind: 'forget' }

/** `record` as given by `asSeen`; `token` replaces the old one, so that its late words are fenced. */
export function decideResolve<A>(
  record: HeldRecord<A> | null, decision: HeldDecision<A>, token: string, ttlMs: number, nowMs: number,
): Change<A, 'resolved' | 'in-flight' | 'done' | 'gone'> {
  if (record === null) return { say: 'gone', next: undefined }
  if (record.stage.kind === 'in-flight') return { say: 'in-flight', next: undefined }
  if (decision.kind === 'forget') return { say: 'resolved', next: null }
  if (record.stage.kind === 'done') return { say: 'done', next: undefined }
  if (decision.kind === 'not-executed') return { say: 'resolved', next: null }
  const expiresAtMs = Math.max(record.expiresAtMs, nowMs + ttlMs)
  const stage = { kind: 'done', answer: decision.answer, finishedAtMs: nowMs } as const
  return { say: 'resolved', next: { ...record, token, stage, expiresAtMs } }
}
