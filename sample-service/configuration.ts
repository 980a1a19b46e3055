// What the service needs to know to run, and how it is read from the environment. Names of variables are the
// service's public face; it reads no file and has no other source.

import { parseDatabaseUrl } from './database-location.ts'
import type { DatabaseLocation } from './database-location.ts'

export interface Configuration {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly database: DatabaseLocation
  readonly poolSize: number
  readonly providerUrl: string
  readonly fraudUrl: string
  readonly webhookUrl: string
  /** Where the background job asks the provider: a URL of its own, so that its calls can be told from the callers'. */
  readonly reconcileProviderUrl: string
  readonly reconcileIntervalMs: number
  readonly reconcileAgeMs: number
  /** Opens `GET /admin/ledger`; without it nobody may read the ledger. */
  readonly adminToken: string | null
  readonly logLevel: string
}

/** Throws an Error that names the variable, what it must be and what it is. */
export function readConfiguration(environment: NodeJS.ProcessEnv): Configuration {
  const text = (name: string, fallback: string): string => environment[name] || fallback
  const providerUrl = readUrl('PROVIDER_URL', text('PROVIDER_URL', 'http://127.0.0.1:4000'))
  return {
    host: text('HOST', '127.0.0.1'),
    port: readInteger('PORT', text('PORT', '3000'), { least: 0, most: 65_535 }),
    database: parseDatabaseUrl(text('DATABASE_URL', 'sqlite:./data/charges.sqlite')),
    poolSize: readInteger('DATABASE_POOL_SIZE', text('DATABASE_POOL_SIZE', '8'), { least: 1, most: 1_000 }),
    providerUrl,
    fraudUrl: readUrl('FRAUD_URL', text('FRAUD_URL', 'http://127.0.0.1:4100')),
    webhookUrl: readUrl('WEBHOOK_URL', text('WEBHOOK_URL', 'http://127.0.0.1:4200')),
    reconcileProviderUrl: readUrl('RECONCILE_PROVIDER_URL', text('RECONCILE_PROVIDER_URL', providerUrl)),
    reconcileIntervalMs: readMilliseconds('RECONCILE_INTERVAL_MS', text('RECONCILE_INTERVAL_MS', '5000'), 1),
    reconcileAgeMs: readMilliseconds('RECONCILE_AGE_MS', text('RECONCILE_AGE_MS', '10000'), 0),
    adminToken: environment['ADMIN_TOKEN'] || null,
    logLevel: readLogLevel(text('LOG_LEVEL', 'warn'))
  }
}

const DAY_MS = 86_400_000
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

function readMilliseconds(name: string, text: string, least: number): number {
  return readInteger(name, text, { least, most: DAY_MS })
}

function readInteger(name: string, text: string, range: { least: number, most: number }): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= range.least && value <= range.most) return value
  throw new Error(`${name} must be an integer from ${range.least} to ${range.most}, got "${text}"`)
}

function readUrl(name: string, text: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : ''
  if (protocol === 'http:' || protocol === 'https:') return text
  throw new Error(`${name} must be an http:// or https:// URL, got "${text}"`)
}

function readLogLevel(text: string): string {
  if (LOG_LEVELS.includes(text)) return text
  throw new Error(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}, got "${text}"`)
}
