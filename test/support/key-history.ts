// What callers with keys saw, judged against what the service has executed: each key is a register that is written
// once, with states of doubt. The laws are checked key by key in the order of time; O(n log n), without any search.

/** One request as its caller saw it. Times of one clock. */
export interface Seen {
  readonly key: string
  /** Of the whole request: two of them under one key are two different requests. */
  readonly fingerprint: string
  readonly startedAt: number
  readonly endedAt: number
  /** 0: the caller saw no answer. */
  readonly status: number
  /** Code of a problem document; empty for an answer of the service. */
  readonly code: string
  readonly body: string
  /** `idempotency-status`. */
  readonly keyStatus: string
  /** What the service calls what it did; empty in an answer that does not say. */
  readonly executionId: string
}

export interface Row { readonly id: string; readonly key: string }

/** Answers that say neither yes nor no. */
const noAnswer = new Set([
  'idempotency.store-unavailable', 'idempotency.store-full', 'idempotency.quota', 'idempotency.result-unavailable',
])

/** The laws that are broken, with the key; empty when all hold. */
export function brokenLaws(history: readonly Seen[], ledger: readonly Row[]): string[] {
  const rows = groupBy(ledger, ({ key }) => key)
  const broken: string[] = []
  for (const [key, seen] of groupBy(history, (one) => one.key)) {
    for (const law of lawsOf(seen, rows.get(key) ?? [])) broken.push(`${key}: ${law}`)
  }
  return broken
}

function* lawsOf(seen: readonly Seen[], rows: readonly Row[]): Iterable<string> {
  // L1: at most one execution.
  if (rows.length > 1) yield `L1: executed ${rows.length} times`
  const inOrder = seen.toSorted((a, b) => a.endedAt - b.endedAt)
  const good = inOrder.filter(({ status }) => status >= 200 && status < 300)
  // O2 and O3: one success, and it is in the ledger.
  const bodies = new Set(good.map(({ body }) => body))
  if (bodies.size > 1) yield `O2: ${bodies.size} different successes`
  const ids = new Set(rows.map(({ id }) => id))
  for (const { executionId } of good) {
    if (executionId !== '' && !ids.has(executionId)) yield `O3: ${executionId} is not in the ledger`
  }
  yield* afterSuccess(inOrder, good[0])
  yield* afterDoubt(inOrder, good[0])
  // L4: who was told that nothing was processed did not execute; true for certain when nobody else could have.
  const couldHave = seen.filter(({ keyStatus, status }) => keyStatus !== 'not-processed' || status === 0)
  if (couldHave.length === 0 && rows.length > 0) yield 'L4: all were told not-processed, and it was executed'
  yield* whileHeld(seen)
  // L6: whoever used the key first is never told that it used it for something else.
  const first = seen.toSorted((a, b) => a.startedAt - b.startedAt)[0]
  const rivals = new Set(seen.map(({ fingerprint }) => fingerprint))
  if (rivals.size === 1 && seen.some(({ code }) => code === 'idempotency.key-reused')) {
    yield `L6: ${first?.fingerprint ?? ''} was told that the key belongs to another request`
  }
}

/** What asked for a claim that may have been given without anybody's knowing: the store was silent. */
const isStray = ({ code }: Seen): boolean => code === 'idempotency.store-unavailable'

/** Whether it may have had the key: not who was told about that of another. */
function mayHold(seen: Seen): boolean {
  return isStray(seen) || (seen.keyStatus !== 'replayed' && !seen.code.startsWith('idempotency.'))
}

/** What is over when its caller has its answer: it left nothing running. */
function isOver(seen: Seen): boolean {
  return seen.status !== 0 && seen.keyStatus !== 'unrecorded' && seen.keyStatus !== 'in-progress' && !isStray(seen)
}

/** L5: in progress is only what another took before that was told, and had not ended when it was asked. */
function* whileHeld(seen: readonly Seen[]): Iterable<string> {
  const told = seen.filter(({ code }) => code === 'idempotency.in-progress').toSorted((a, b) => a.endedAt - b.endedAt)
  const holders = seen.filter(mayHold).toSorted((a, b) => a.startedAt - b.startedAt)
  let [next, heldUntil] = [0, -Infinity]
  for (const one of told) {
    for (; next < holders.length && (holders[next] as Seen).startedAt <= one.endedAt; next++) {
      const holder = holders[next] as Seen
      heldUntil = Math.max(heldUntil, isOver(holder) ? holder.endedAt : Infinity)
    }
    if (heldUntil < one.startedAt) yield 'L5: in progress while nobody had it'
  }
}

/** L2: once a success has been seen, whoever asks afterwards gets it, or is told that it cannot be given now. */
function* afterSuccess(inOrder: readonly Seen[], success: Seen | undefined): Iterable<string> {
  if (success === undefined) return
  for (const later of inOrder) {
    if (later.startedAt <= success.endedAt || later.status === 0 || later.code === 'idempotency.key-reused') continue
    const isSame = later.code === '' && later.body === success.body
    const isFar = noAnswer.has(later.code) || (later.keyStatus === 'not-processed' && later.code !== '')
    // A success that could not be recorded in time may still be in progress, or in doubt, elsewhere.
    const isExcused = success.keyStatus === 'unrecorded'
    if (!isSame && !isFar && !isExcused) yield `L2: ${later.status} ${later.code} after a success`
  }
}

/** L3: a doubt may be resolved, and never comes back to be executed: unknown, then at most the success. */
function* afterDoubt(inOrder: readonly Seen[], success: Seen | undefined): Iterable<string> {
  const doubt = inOrder.find(({ code }) => code === 'idempotency.outcome-unknown')
  if (doubt === undefined) return
  for (const later of inOrder) {
    if (later.startedAt <= doubt.endedAt) continue
    if (later.keyStatus === 'executed') yield 'L3: executed after it was unknown'
    if (later.code === 'idempotency.in-progress') yield 'L3: in progress after it was unknown'
  }
  if (success !== undefined && doubt.startedAt > success.endedAt && success.keyStatus !== 'unrecorded') {
    yield 'L3: unknown after a success'
  }
}

function groupBy<T>(list: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const one of list) {
    const key = keyOf(one)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  return groups
}
