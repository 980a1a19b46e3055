// The database as a PostgreSQL server behind the pool of `pg`, for replicas that share one ledger. The pool
// waits without bound and without a timeout, like the service around it. It does not retry: a broken connection
// fails the work on it.

import { Client, Pool } from 'pg'
import { CATALOGUE } from './catalogue.ts'
import { chargeOfRow } from './database.ts'
import type { PoolClient } from 'pg'
import type {
  Charge, ChargeRow, ChargeStatus, Connection, CustomerTotals, Database, PoolOptions, PoolUsage, Product, ReportLine
} from './database.ts'

/** Connects once to make the tables, then opens the pool. Throws what the server or the network says. */
export async function openPostgres(url: string, options: PoolOptions): Promise<Database> {
  await prepareSchema(url)
  return new PostgresDatabase(url, options)
}

class PostgresDatabase implements Database {
  readonly #pool: Pool
  readonly #options: PoolOptions

  constructor(url: string, options: PoolOptions) {
    this.#options = options
    this.#pool = new Pool({ connectionString: url, max: options.poolSize })
    this.#pool.on('error', options.onError)
    // The pool listens for errors of idle connections only. One that breaks while it is lent out and nobody queries it
    // (we wait for the provider) would end the process as an unhandled error event.
    this.#pool.on('connect', (client) => client.on('error', options.onError))
  }

  async withConnection<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result> {
    const askedAt = performance.now()
    const client = await this.#pool.connect()
    this.#options.onAcquire((performance.now() - askedAt) / 1000)
    try {
      return await work(new PostgresConnection(client))
    } finally {
      client.release()
    }
  }

  usage(): PoolUsage {
    const { totalCount, idleCount, waitingCount } = this.#pool
    return { size: this.#options.poolSize, inUse: totalCount - idleCount, waiting: waitingCount }
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }
}

class PostgresConnection implements Connection {
  readonly #client: PoolClient

  constructor(client: PoolClient) {
    this.#client = client
  }

  async ping(): Promise<void> {
    await this.#client.query('SELECT 1')
  }

  async insertCharge(charge: Charge): Promise<void> {
    await this.#client.query(
      `INSERT INTO charges (id, amount, currency, customer, source, status, provider_id, idempotency_key, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [charge.id, charge.amount, charge.currency, charge.customer, charge.source,
        charge.status, charge.providerId, charge.idempotencyKey, charge.createdAt])
  }

  async findCharge(id: string): Promise<Charge | undefined> {
    return (await this.#charges('SELECT * FROM charges WHERE id = $1', [id]))[0]
  }

  async settleCharge(id: string, end: { status: ChargeStatus, providerId: string | null }): Promise<void> {
    await this.#client.query('UPDATE charges SET status = $1, provider_id = $2 WHERE id = $3',
      [end.status, end.providerId, id])
  }

  async settlePendingCharge(id: string, end: { status: ChargeStatus, providerId: string | null }): Promise<boolean> {
    const result = await this.#client.query(
      "UPDATE charges SET status = $1, provider_id = $2 WHERE id = $3 AND status = 'pending'",
      [end.status, end.providerId, id])
    return result.rowCount === 1
  }

  pendingCharges(range: { before: string, limit: number }): Promise<Charge[]> {
    return this.#charges(
      "SELECT * FROM charges WHERE status = 'pending' AND created_at < $1 ORDER BY created_at, id LIMIT $2",
      [range.before, range.limit])
  }

  listCharges(range: { offset: number, limit: number }): Promise<Charge[]> {
    return this.#charges('SELECT * FROM charges ORDER BY created_at, id LIMIT $1 OFFSET $2',
      [range.limit, range.offset])
  }

  allCharges(): Promise<Charge[]> {
    return this.#charges('SELECT * FROM charges ORDER BY created_at, id', [])
  }

  async customerTotals(customer: string): Promise<CustomerTotals> {
    const result = await this.#client.query<TotalsRow>(
      `SELECT COUNT(*) AS charges, COALESCE(SUM(amount), 0) AS amount
        FROM charges WHERE customer = $1 AND status = 'succeeded'`, [customer])
    return totalsOf(result.rows[0])
  }

  async catalogue(): Promise<Product[]> {
    return (await this.#client.query<Product>('SELECT sku, name, price, currency FROM products ORDER BY sku')).rows
  }

  async report(durationMs: number): Promise<ReportLine[]> {
    await this.#client.query('SELECT pg_sleep($1)', [durationMs / 1000])
    const result = await this.#client.query<TotalsRow & Pick<ReportLine, 'currency' | 'status'>>(
      `SELECT currency, status, COUNT(*) AS charges, SUM(amount) AS amount
        FROM charges GROUP BY currency, status ORDER BY currency, status`)
    return result.rows.map((row) => ({ currency: row.currency, status: row.status, ...totalsOf(row) }))
  }

  async #charges(text: string, values: readonly (string | number)[]): Promise<Charge[]> {
    return (await this.#client.query<ChargeRow>(text, [...values])).rows.map(chargeOfRow)
  }
}

/** Counts and sums are `bigint` in PostgreSQL, which `pg` hands over as text. */
interface TotalsRow {
  readonly charges: string
  readonly amount: string
}

function totalsOf(row: TotalsRow | undefined): CustomerTotals {
  return { charges: Number(row?.charges ?? 0), amount: Number(row?.amount ?? 0) }
}

// Sorting by bytes ("C") keeps the order of ISO times and ids the same in every locale, and the same as SQLite's.
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS charges (
    id TEXT COLLATE "C" PRIMARY KEY, amount INTEGER NOT NULL, currency TEXT COLLATE "C" NOT NULL,
    customer TEXT NOT NULL, source TEXT NOT NULL, status TEXT COLLATE "C" NOT NULL,
    provider_id TEXT, idempotency_key TEXT, created_at TEXT COLLATE "C" NOT NULL
  );
  CREATE INDEX IF NOT EXISTS charges_by_time ON charges (created_at, id);
  CREATE INDEX IF NOT EXISTS charges_by_customer ON charges (customer);
  CREATE INDEX IF NOT EXISTS charges_pending ON charges (created_at, id) WHERE status = 'pending';
  CREATE TABLE IF NOT EXISTS products (
    sku TEXT COLLATE "C" PRIMARY KEY, name TEXT NOT NULL, price INTEGER NOT NULL, currency TEXT NOT NULL
  );
`

/** A start must say soon that the server cannot be reached; only the pool later waits without bound. */
const START_TIMEOUT_MS = 10_000
/** An arbitrary number that every replica of this service locks while it makes the tables. */
const SCHEMA_LOCK = 7_315_001

async function prepareSchema(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: START_TIMEOUT_MS })
  await client.connect()
  try {
    // CREATE TABLE IF NOT EXISTS fails when two sessions run it at once, as replicas that start together do.
    await client.query('SELECT pg_advisory_lock($1)', [SCHEMA_LOCK])
    await client.query(SCHEMA)
    for (const product of CATALOGUE) {
      await client.query(
        'INSERT INTO products (sku, name, price, currency) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
        [product.sku, product.name, product.price, product.currency])
    }
  } finally {
    await client.end()
  }
}
