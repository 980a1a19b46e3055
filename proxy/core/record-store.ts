// The door to where idempotency records are kept: one contract for memory, lmdb and redis. What a key may do next is
// decided inside the store, in one atomic step; nothing here dispatches, waits for a duplicate or knows HTTP's meaning.

import type { RawHeaders } from './raw-headers.ts'

/** A value that is there at once, or a promise of it. Test with `instanceof Promise`; await only then. */
export type Soon<T> = T | Promise<T>

/**
 * The name of a record: `SCOPE:ID`, both in base64url, at most 200 characters. SCOPE is a digest of the namespace (what
 * `purge` takes), ID a digest of the caller's key. The key itself is never stored.
 */
export type RecordKey = string

/** 128 random bits as text. Whoever holds it may finish, release, doubt or renew the claim it was given to. */
export type ClaimToken = string

/** Why nobody knows what became of a claimed work. */
export type DoubtReason = 'timeout' | 'reset' | 'truncated' | 'shutdown' | 'owner-lost'

/**
 * Why an answer is kept without its body: it was too large · memory was short · nobody saw it (an operator said that
 * the work was executed; `status` is 0).
 */
export type BodyGap = 'too-large' | 'evicted' | 'unseen'

/** An upstream's answer as it is kept: enough to give it again byte for byte. */
export interface StoredAnswer {
  readonly status: number
  readonly statusText: string
  /** Order, case and repetition as received. */
  readonly headers: RawHeaders
  /** Null: see `gap`. The bytes are never changed after they have been handed over. */
  readonly body: Uint8Array | null
  readonly trailers: RawHeaders | null
  /** Null when `body` is there. An answer with a gap is final all the same and is never executed again. */
  readonly gap: BodyGap | null
}

/** What every record says, whatever became of it. */
export interface RecordFacts {
  /** As given to `claim`: algorithm and digest in one text. Compared as a whole. */
  readonly fingerprint: string
  /** As given to `claim`: digest of who may read the answer; empty when nobody was named. */
  readonly credential: string
  /** 1, and one more for each claim that took over a doubt. */
  readonly generation: number
  /** Wall clock of the store in ms since 1970: when the present claim was taken. */
  readonly createdAtMs: number
}

export interface DoneRecord extends RecordFacts {
  readonly kind: 'done'
  readonly finishedAtMs: number
  readonly answer: StoredAnswer
}

/** Somebody alive works on it. */
export interface InFlightRecord extends RecordFacts {
  readonly kind: 'in-flight'
  /** Name of the owner's process, for people. */
  readonly owner: string
  /** Whether this very store object gave the claim: then the answer can be waited for without asking again. */
  readonly isOwn: boolean
  /** Until the owner counts as lost unless it renews; Infinity where a lock shows that it lives (memory, lmdb). */
  readonly leaseLeftMs: number
}

/** The service may or may not have acted: doubted by its owner, or the owner is gone. */
export interface UnknownRecord extends RecordFacts {
  readonly kind: 'unknown'
  readonly reason: DoubtReason
}

/**
 * The store could not do it. Never thrown. Nothing may be dispatched after a fault of `claim`, which may nevertheless
 * have been applied.
 *
 * - `unavailable`: not reachable, or the store's own breaker is open
 * - `timeout`: no answer within `timeoutMs`
 * - `corrupt`, `future-version`: this one record cannot be read; the key is neither free nor replayable
 * - `no-space`: the disk is full; a write was refused and nothing was lost
 * - `misconfigured`: the server would lose or evict records; `open` says so too
 * - `state-lost`: it is in reach, and has lost records: this key may have been among them
 */
export interface StoreFault {
  readonly kind: 'fault'
  readonly reason: 'unavailable' | 'timeout' | 'corrupt' | 'future-version' | 'no-space' | 'misconfigured'
    | 'state-lost'
  /** One sentence for log and status: what was attempted, what was seen. Holds neither keys nor bodies. */
  readonly message: string
}

export type Lookup = { readonly kind: 'absent' } | DoneRecord | InFlightRecord | UnknownRecord | StoreFault

export interface ClaimRequest {
  readonly key: RecordKey
  readonly fingerprint: string
  readonly credential: string
  readonly token: ClaimToken
  /** How long the owner counts as alive without `renew`, from 1,000 ms. Stores that know better ignore it. */
  readonly leaseMs: number
  /** How long the key is kept, from now, whatever happens to its owner; from 1,000 ms. */
  readonly ttlMs: number
  /** Whether a doubt may be claimed again (`retry`) or stays one (`reject`, the default of the configuration). */
  readonly inDoubt: 'reject' | 'retry'
}

/**
 * What a claim got, tried in this order: the key was free or expired (`taken`) · its own token had it already (`taken`
 * again: a resent message) · another fingerprint has it (`mismatch`) · it is `done` · its owner lives (`in-flight`) ·
 * nobody knows (`unknown`; with `retry`: `taken` with the next generation, the old token being fenced) · `full`: no
 * room for one more key, and none was thrown away to make it.
 *
 * The owner may dispatch after `taken` and after nothing else.
 */
export type ClaimResult =
  | { readonly kind: 'taken'; readonly generation: number; readonly createdAtMs: number }
  | { readonly kind: 'mismatch' }
  | { readonly kind: 'full' }
  | DoneRecord | InFlightRecord | UnknownRecord | StoreFault

/**
 * What became of a word by token: `stored` · `already`: said before by the same token · `fenced`: the record belongs to
 * another token by now, or is final · `gone`: there is no such record (released, expired, resolved, purged).
 */
export type TokenResult = { readonly kind: 'stored' | 'already' | 'fenced' | 'gone' } | StoreFault

/**
 * An operator's word on a doubt: `executed`, with the answer to replay or null for none (duplicates then get
 * result-unavailable) · `not-executed`: the key is free again · `forget`: drop the record, doubtful or done.
 */
export type Decision =
  | { readonly kind: 'executed'; readonly answer: StoredAnswer | null }
  | { readonly kind: 'not-executed' }
  | { readonly kind: 'forget' }

/** `in-flight`: its owner lives, nothing was changed · `done`: it has an answer already, nothing was changed. */
export type ResolveResult = { readonly kind: 'resolved' | 'in-flight' | 'done' | 'gone' } | StoreFault

export interface RecordCounts {
  readonly kind: 'counts'
  readonly done: number
  readonly inFlight: number
  readonly unknown: number
  /** Whether the figures were scaled up from a part of the records. */
  readonly isEstimate: boolean
}

/** A doubt, for the operator's list. */
export interface Doubt { readonly key: RecordKey; readonly record: UnknownRecord }

/** Ready for work; `notices` are sentences for the log, such as "appendfsync is everysec: …". */
export type Opened = { readonly kind: 'opened'; readonly notices: readonly string[] } | StoreFault

export interface RecordStore {
  readonly kind: 'memory' | 'lmdb' | 'redis'
  /** Whether replicas on other machines can use the same records. */
  readonly isShared: boolean
  /** Ms within which every word by token is answered, if only with a fault; absent: nobody sees to it. */
  readonly answersWithinMs?: number
  /** Share of its room that is taken, as last seen; absent: nobody knows. From 1 on new keys are answered `full`. */
  readonly fill?: number | undefined

  /**
   * Called once, before anything else. `misconfigured`, `corrupt` and `future-version` are final: do not start.
   * `unavailable` and `timeout`: the store goes on trying by itself and answers faults until it is there.
   */
  open(): Promise<Opened>

  /** What the key is now. Memory and lmdb answer at once, save when they must first see whether an owner lives. */
  lookup(key: RecordKey): Soon<Lookup>

  /**
   * Takes the key or says why not. Durable before it says `taken`. A message that the transport repeats does no harm; a
   * caller that got a fault takes a new token: the old one may be released behind its back.
   */
  claim(request: ClaimRequest): Soon<ClaimResult>

  /**
   * Records the answer, in flight or in doubt, also long after the lease: the token alone decides. `ttlMs` counts from
   * now and never shortens what the claim was given. A done record never changes again.
   */
  finish(key: RecordKey, token: ClaimToken, answer: StoredAnswer, ttlMs: number): Soon<TokenResult>

  /** Frees the key, because nothing was delivered. Not after a doubt was recorded: that is `fenced`. */
  release(key: RecordKey, token: ClaimToken): Soon<TokenResult>

  /** Says that nobody will know soon. `finish` with the same token is still allowed. */
  doubt(key: RecordKey, token: ClaimToken, reason: DoubtReason): Soon<TokenResult>

  /** Lengthens the lease from now. `fenced` or `gone`: do not dispatch. Costs nothing where no lease is needed. */
  renew(key: RecordKey, token: ClaimToken, leaseMs: number): Soon<TokenResult>

  /** An operator's decision; later words of the old token are fenced. `ttlMs` is for a record that stays. */
  resolve(key: RecordKey, decision: Decision, ttlMs: number): Soon<ResolveResult>

  /** Drops every record of a scope that is not in flight; gives how many. Takes its time in bounded steps. */
  purge(scope: string): Promise<{ readonly kind: 'purged'; readonly count: number } | StoreFault>

  counts(): Soon<RecordCounts | StoreFault>

  /** Up to `limit` records in doubt, in no order. */
  doubts(limit: number): Soon<{ readonly kind: 'doubts'; readonly list: readonly Doubt[] } | StoreFault>

  /** Drops expired records, a bounded number; gives how many. The store calls it by itself on its clock. */
  sweep(): Soon<{ readonly kind: 'swept'; readonly count: number } | StoreFault>

  /** Whether the store can serve; cheap. */
  ping(): Soon<{ readonly kind: 'up' } | StoreFault>

  /**
   * Takes claims again that `state-lost` refuses, here and wherever the records are shared: a key that was forgotten is
   * executed again. Absent: the store cannot lose what it has without losing itself.
   */
  acceptLoss?(): Promise<{ readonly kind: 'accepted' } | StoreFault>

  /** Figures for status and gauges: names in camelCase with their unit. */
  inspect(): Record<string, number | string>

  /** Ends timers, connections and the owner's lock; what is in flight of this owner reads as unknown from then on. */
  close(): Promise<void>
}
