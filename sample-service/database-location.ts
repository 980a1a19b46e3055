// Reads DATABASE_URL and opens what it names. Its messages name the place, never the user or the password.

import { fileURLToPath } from 'node:url'
import { openPostgres } from './database-postgres.ts'
import { openSqlite } from './database-sqlite.ts'
import type { Database, PoolOptions } from './database.ts'

export type DatabaseLocation =
  | { readonly kind: 'sqlite', readonly path: string }
  | { readonly kind: 'postgres', readonly url: string }

/** Understands `sqlite:PATH`, `file:PATH` and `postgres://…`. Throws an Error that says what it got instead. */
export function parseDatabaseUrl(text: string): DatabaseLocation {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase()
  if (scheme === 'postgres' || scheme === 'postgresql') return parsePostgresUrl(text)
  if (scheme === 'sqlite' || scheme === 'file') {
    const path = sqlitePath(text)
    // In memory every connection of the pool would have a database of its own.
    if (path === '' || path === ':memory:') throw new Error(`DATABASE_URL must name a file for SQLite, got "${text}"`)
    return { kind: 'sqlite', path }
  }
  const got = scheme === undefined ? 'no scheme' : `the scheme "${scheme}:"`
  throw new Error(`DATABASE_URL must be sqlite:PATH, file:PATH or postgres://HOST/NAME, got ${got}`)
}

/** The location in words fit for a log: without user, password and parameters. */
export function describeLocation(location: DatabaseLocation): string {
  if (location.kind === 'sqlite') return `sqlite:${location.path}`
  const url = new URL(location.url)
  return `postgres://${url.username === '' ? '' : '***@'}${url.host}${url.pathname}`
}

/** Opens the database and makes its tables. Throws an Error that names the location and the reason. */
export async function openDatabase(location: DatabaseLocation, options: PoolOptions): Promise<Database> {
  try {
    if (location.kind === 'sqlite') return openSqlite(location.path, options)
    return await openPostgres(location.url, options)
  } catch (error) {
    throw new Error(`Cannot open the database ${describeLocation(location)}: ${reasonOf(error)}`, { cause: error })
  }
}

function parsePostgresUrl(text: string): DatabaseLocation {
  if (URL.canParse(text)) return { kind: 'postgres', url: text }
  throw new Error('DATABASE_URL must be postgres://USER:PASSWORD@HOST:PORT/NAME, got a malformed URL')
}

function sqlitePath(text: string): string {
  if (/^file:\/\//i.test(text)) return fileURLToPath(text)
  return text.slice(text.indexOf(':') + 1).replace(/^\/\//, '')
}

/** A name with several addresses fails with one error for each and no message of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join(', ')
  return error instanceof Error ? error.message : String(error)
}
