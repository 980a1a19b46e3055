// The database as one SQLite file through node:sqlite: the default, so that the service starts with nothing
// installed. Every connection of the pool is a handle of its own on the file. It does not spare the event loop:
// a statement runs to its end on the caller's turn, which is short here because every statement uses an index
// or a small table.

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { CATALOGUE } from './catalogue.ts'
import { chargeOfRow } from './database.ts'
import { ConnectionPool } from './pool.ts'
import type { StatementSync } from 'node:sqlite'
import type {
  Charge, ChargeRow, ChargeStatus, Connection, CustomerTotals, Database, PoolOptions, PoolUsage, Product, ReportLine
} from './database.ts'

/** Opens the file at `path`, makes it and its folder when missing. Throws what the file system or SQLite says. */
export function openSqlite(path: string, options: PoolOptions): Database {
  mkdirSync(dirname(path), { recursive: true })
  const handles: DatabaseSync[] = []
  try {
    for (let opened = 0; opened < options.poolSize; opened += 1) handles.push(openHandle(path))
    prepareSchema(handles[0])
    return new SqliteDatabase(handles.map((handle) => new SqliteConnection(handle)), options)
  } catch (error) {
    for (const handle of handles) handle.close()
    throw error
  }
}

class SqliteDatabase implements Database {
  readonly #pool: ConnectionPool<SqliteConnection>
  readonly #onAcquire: (seconds: number) => void

  constructor(connections: readonly SqliteConnection[], options: PoolOptions) {
    this.#pool = new ConnectionPool(connections, (connection) => connection.close())
    this.#onAcquire = options.onAcquire
  }

  async withConnection<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result> {
    const askedAt = performance.now()
    const connection = await this.#pool.acquire()
    this.#onAcquire((performance.now() - askedAt) / 1000)
    try {
      return await work(connection)
    } finally {
      this.#pool.release(connection)
    }
  }

  usage(): PoolUsage {
    return this.#pool.usage()
  }

  async close(): Promise<void> {
    this.#pool.close()
  }
}

class SqliteConnection implements Connection {
  readonly #handle: DatabaseSync
  readonly #statements: Record<keyof typeof SQL, StatementSync>

  constructor(handle: DatabaseSync) {
    this.#handle = handle
    const prepared = Object.entries(SQL).map(([name, text]) => [name, handle.prepare(text)] as const)
    this.#statements = Object.fromEntries(prepared) as Record<keyof typeof SQL, StatementSync>
  }

  async ping(): Promise<void> {
    this.#statements.ping.get()
  }

  async insertCharge(charge: Charge): Promise<void> {
    this.#statements.insert.run(charge.id, charge.amount, charge.currency, charge.customer, charge.source,
      charge.status, charge.providerId, charge.idempotencyKey, charge.createdAt)
  }

  async findCharge(id: string): Promise<Charge | undefined> {
    const row = this.#statements.find.get(id)
    return row === undefined ? undefined : chargeOfRow(row as unknown as ChargeRow)
  }

  async settleCharge(id: string, end: { status: ChargeStatus, providerId: string | null }): Promise<void> {
    this.#statements.settle.run(end.status, end.providerId, id)
  }

  async settlePendingCharge(id: string, end: { status: ChargeStatus, providerId: string | null }): Promise<boolean> {
    return this.#statements.settlePending.run(end.status, end.providerId, id).changes === 1
  }

  async pendingCharges(range: { before: string, limit: number }): Promise<Charge[]> {
    return chargesOf(this.#statements.pending.all(range.before, range.limit))
  }

  async listCharges(range: { offset: number, limit: number }): Promise<Charge[]> {
    return chargesOf(this.#statements.list.all(range.limit, range.offset))
  }

  async allCharges(): Promise<Charge[]> {
    return chargesOf(this.#statements.all.all())
  }

  async customerTotals(customer: string): Promise<CustomerTotals> {
    return { ...this.#statements.totals.get(customer) } as unknown as CustomerTotals
  }

  async catalogue(): Promise<Product[]> {
    return plainRows<Product>(this.#statements.catalogue.all())
  }

  async report(durationMs: number): Promise<ReportLine[]> {
    // A truly slow statement would block the event loop here, which is another lesson (`GET /block`); this one waits.
    await delay(durationMs)
    return plainRows<ReportLine>(this.#statements.report.all())
  }

  close(): void {
    this.#handle.close()
  }
}

const SQL = {
  ping: 'SELECT 1',
  insert: `INSERT INTO charges
    (id, amount, currency, customer, source, status, provider_id, idempotency_key, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  find: 'SELECT * FROM charges WHERE id = ?',
  settle: 'UPDATE charges SET status = ?, provider_id = ? WHERE id = ?',
  settlePending: "UPDATE charges SET status = ?, provider_id = ? WHERE id = ? AND status = 'pending'",
  pending: "SELECT * FROM charges WHERE status = 'pending' AND created_at < ? ORDER BY created_at, id LIMIT ?",
  list: 'SELECT * FROM charges ORDER BY created_at, id LIMIT ? OFFSET ?',
  all: 'SELECT * FROM charges ORDER BY created_at, id',
  totals: `SELECT COUNT(*) AS charges, COALESCE(SUM(amount), 0) AS amount
    FROM charges WHERE customer = ? AND status = 'succeeded'`,
  catalogue: 'SELECT sku, name, price, currency FROM products ORDER BY sku',
  report: `SELECT currency, status, COUNT(*) AS charges, SUM(amount) AS amount
    FROM charges GROUP BY currency, status ORDER BY currency, status`
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS charges (
    id TEXT PRIMARY KEY, amount INTEGER NOT NULL, currency TEXT NOT NULL, customer TEXT NOT NULL, source TEXT NOT NULL,
    status TEXT NOT NULL, provider_id TEXT, idempotency_key TEXT, created_at TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS charges_by_time ON charges (created_at, id);
  CREATE INDEX IF NOT EXISTS charges_by_customer ON charges (customer);
  CREATE INDEX IF NOT EXISTS charges_pending ON charges (created_at, id) WHERE status = 'pending';
  CREATE TABLE IF NOT EXISTS products (
    sku TEXT PRIMARY KEY, name TEXT NOT NULL, price INTEGER NOT NULL, currency TEXT NOT NULL
  ) STRICT;
`

/** How long a statement waits for another process that writes to the same file, before it fails. */
const BUSY_TIMEOUT_MS = 5_000

function openHandle(path: string): DatabaseSync {
  const handle = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  // With a write-ahead log, NORMAL keeps every commit when the process is killed; only a power cut can lose the last.
  handle.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
  return handle
}

function prepareSchema(handle: DatabaseSync | undefined): void {
  if (handle === undefined) throw new Error('Cannot open SQLite: the pool needs at least one connection')
  handle.exec(SCHEMA)
  const insert = handle.prepare(
    'INSERT INTO products (sku, name, price, currency) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING')
  for (const product of CATALOGUE) insert.run(product.sku, product.name, product.price, product.currency)
}

/** Rows of SQLite have no prototype; copies of them are the objects everybody expects. */
function plainRows<Row>(rows: readonly object[]): Row[] {
  return rows.map((row) => ({ ...row }) as Row)
}

function chargesOf(rows: readonly unknown[]): Charge[] {
  return rows.map((row) => chargeOfRow(row as ChargeRow))
}
