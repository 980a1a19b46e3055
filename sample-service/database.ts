// What the service asks of its database, whichever it is: rows of charges behind a small bounded pool. Two
// files keep this contract (SQLite and PostgreSQL) and one test suite holds both to it. No SQL here, and no
// transactions: every statement commits on its own, so a `pending` row is on record before anybody outside is
// asked for money.

export type ChargeStatus = 'pending' | 'succeeded' | 'declined' | 'failed'

export interface Charge {
  readonly id: string
  /** In minor units of the currency. */
  readonly amount: number
  readonly currency: string
  readonly customer: string
  /** The token of the card to charge; stored, never shown. */
  readonly source: string
  readonly status: ChargeStatus
  /** The provider's own name for the charge, once it has executed it. */
  readonly providerId: string | null
  readonly idempotencyKey: string | null
  /** ISO 8601, in UTC. */
  readonly createdAt: string
}

export interface Product {
  readonly sku: string
  readonly name: string
  readonly price: number
  readonly currency: string
}

export interface CustomerTotals {
  readonly charges: number
  readonly amount: number
}

export interface ReportLine extends CustomerTotals {
  readonly currency: string
  readonly status: ChargeStatus
}

/** One connection of the pool, good until the work it was lent to has ended. */
export interface Connection {
  ping(): Promise<void>
  insertCharge(charge: Charge): Promise<void>
  findCharge(id: string): Promise<Charge | undefined>
  /** Records how a charge ended, whatever the row said before: for the one who has the provider's answer in hand. */
  settleCharge(id: string, end: { status: ChargeStatus, providerId: string | null }): Promise<void>
  /** The same for a row that is still `pending`; says whether it was. */
  settlePendingCharge(id: string, end: { status: ChargeStatus, providerId: string | null }): Promise<boolean>
  /** The oldest pending rows created before `before` (ISO 8601), at most `limit`. */
  pendingCharges(range: { before: string, limit: number }): Promise<Charge[]>
  /** Charges in the order they were created. */
  listCharges(range: { offset: number, limit: number }): Promise<Charge[]>
  allCharges(): Promise<Charge[]>
  customerTotals(customer: string): Promise<CustomerTotals>
  catalogue(): Promise<Product[]>
  /** Sums over every charge; takes `durationMs` longer than the sums need, as a report over years of rows would. */
  report(durationMs: number): Promise<ReportLine[]>
}

export interface PoolUsage {
  readonly size: number
  readonly inUse: number
  readonly waiting: number
}

export interface Database {
  /** Lends a connection for as long as `work` runs. Waits for one without bound. Passes on what `work` throws. */
  withConnection<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result>
  usage(): PoolUsage
  close(): Promise<void>
}

export interface PoolOptions {
  readonly poolSize: number
  /** Told after every wait for a connection how long it took. */
  readonly onAcquire: (seconds: number) => void
  /** Told when an idle connection breaks; the pool replaces it by itself. */
  readonly onError: (error: Error) => void
}

/** A row as both databases return it. */
export interface ChargeRow {
  readonly id: string
  readonly amount: number
  readonly currency: string
  readonly customer: string
  readonly source: string
  readonly status: ChargeStatus
  readonly provider_id: string | null
  readonly idempotency_key: string | null
  readonly created_at: string
}

export function chargeOfRow(row: ChargeRow): Charge {
  return {
    id: row.id,
    amount: row.amount,
    currency: row.currency,
    customer: row.customer,
    source: row.source,
    status: row.status,
    providerId: row.provider_id,
    idempotencyKey: row.idempotency_key,
    createdAt: row.created_at
  }
}
