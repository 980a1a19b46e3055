// The background job that finds out how pending charges ended: it asks the provider by our reference and closes
// the row. It never charges anybody, and it leaves alone what this process is still working on.

import type { Charge, Database } from './database.ts'
import type { ProviderClient } from './dependencies.ts'

export type Reconciled = 'succeeded' | 'failed' | 'left'

export interface ReconcileParts {
  readonly database: Database
  readonly provider: ProviderClient
  /** Rows younger than this are left to the request that made them. */
  readonly ageMs: number
  readonly isUnderway: (id: string) => boolean
  readonly onReconciled: (end: Reconciled) => void
  readonly onError: (error: unknown) => void
}

/** The most rows one pass asks about, all at once. */
const BATCH_ROWS = 100

/** One pass over the oldest pending rows; `signal` cuts its calls. Rejects only when the rows cannot be read. */
export async function reconcilePending(parts: ReconcileParts, signal: AbortSignal): Promise<void> {
  const before = new Date(Date.now() - parts.ageMs).toISOString()
  const rows = await parts.database.withConnection((connection) =>
    connection.pendingCharges({ before, limit: BATCH_ROWS }))
  await Promise.all(rows.map(async (charge) => {
    try {
      parts.onReconciled(await reconcile(charge, parts, signal))
    } catch (error) {
      parts.onReconciled('left')
      if (!signal.aborted) parts.onError(error)
    }
  }))
}

/** Runs a pass every `intervalMs`, counted from the end of the last one. Returns the function that ends it. */
export function startReconciliation(parts: ReconcileParts, intervalMs: number): () => void {
  const stop = new AbortController()
  let timer: NodeJS.Timeout
  const pass = async (): Promise<void> => {
    try {
      await reconcilePending(parts, stop.signal)
    } catch (error) {
      if (!stop.signal.aborted) parts.onError(error)
    }
    if (!stop.signal.aborted) schedule()
  }
  const schedule = (): void => {
    timer = setTimeout(() => void pass(), intervalMs)
  }
  schedule()
  return () => {
    stop.abort()
    clearTimeout(timer)
  }
}

async function reconcile(charge: Charge, parts: ReconcileParts, signal: AbortSignal): Promise<Reconciled> {
  // Looked up before asking: a charge that ends while we ask makes the provider's "I know of none" stale.
  const wasUnderway = parts.isUnderway(charge.id)
  const executed = await parts.provider.findByReference(charge.id, signal)
  if (executed === null && wasUnderway) return 'left'
  const end = executed === null
    ? { status: 'failed', providerId: null } as const
    : { status: 'succeeded', providerId: executed.id } as const
  const isSettled = await parts.database.withConnection((connection) => connection.settlePendingCharge(charge.id, end))
  return isSettled ? end.status : 'left'
}
