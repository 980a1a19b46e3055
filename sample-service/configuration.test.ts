// What the service makes of its environment, and what it says when it cannot.

import { test } from 'tap'
import { readConfiguration } from './configuration.ts'
import { describeLocation, openDatabase, parseDatabaseUrl } from './database-location.ts'

void test('an empty environment gives the defaults', async (t) => {
  t.strictSame(readConfiguration({}), {
    host: '127.0.0.1', port: 3000, database: { kind: 'sqlite', path: './data/charges.sqlite' }, poolSize: 8,
    providerUrl: 'http://127.0.0.1:4000', fraudUrl: 'http://127.0.0.1:4100', webhookUrl: 'http://127.0.0.1:4200',
    reconcileProviderUrl: 'http://127.0.0.1:4000', reconcileIntervalMs: 5000, reconcileAgeMs: 10_000,
    adminToken: null, logLevel: 'warn'
  })
})

void test('reconciliation asks the provider of PROVIDER_URL unless it has a URL of its own', async (t) => {
  t.equal(readConfiguration({ PROVIDER_URL: 'http://p:1' }).reconcileProviderUrl, 'http://p:1')
  const own = { PROVIDER_URL: 'http://p:1', RECONCILE_PROVIDER_URL: 'http://r:2' }
  t.equal(readConfiguration(own).reconcileProviderUrl, 'http://r:2')
})

void test('a wrong variable is named with what it must be and what it is', async (t) => {
  const cases: [Record<string, string>, string][] = [
    [{ PORT: '70000' }, 'PORT must be an integer from 0 to 65535, got "70000"'],
    [{ PORT: '3e3' }, 'PORT must be an integer from 0 to 65535, got "3e3"'],
    [{ FRAUD_URL: 'fraud:4100' }, 'FRAUD_URL must be an http:// or https:// URL, got "fraud:4100"'],
    [{ DATABASE_POOL_SIZE: '0' }, 'DATABASE_POOL_SIZE must be an integer from 1 to 1000, got "0"'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent, got "loud"']
  ]
  for (const [environment, message] of cases) t.throws(() => readConfiguration(environment), { message })
})

void test('every form of DATABASE_URL names its database', async (t) => {
  const cases: [string, object][] = [
    ['sqlite:./a.db', { kind: 'sqlite', path: './a.db' }],
    ['sqlite:///var/a.db', { kind: 'sqlite', path: '/var/a.db' }],
    ['file:a.db', { kind: 'sqlite', path: 'a.db' }],
    ['file:///var/a.db', { kind: 'sqlite', path: '/var/a.db' }],
    ['postgresql://h/n', { kind: 'postgres', url: 'postgresql://h/n' }]
  ]
  for (const [url, location] of cases) t.strictSame(parseDatabaseUrl(url), location, url)
})

void test('a DATABASE_URL that cannot be used is refused without its secrets', async (t) => {
  const cases = ['mysql://ada:hunter2@h/n', 'hunter2', 'postgres://ada:hunter2@h:port/n', 'sqlite::memory:', 'sqlite:']
  for (const url of cases) {
    const message = messageOf(() => parseDatabaseUrl(url))
    t.match(message, /^DATABASE_URL must/, url)
    t.notMatch(message, /hunter2/, url)
  }
})

void test('a location is described without user, password and parameters', async (t) => {
  const location = parseDatabaseUrl('postgres://ada:hunter2@db.example:5432/charges?password=hunter2')
  t.equal(describeLocation(location), 'postgres://***@db.example:5432/charges')
})

void test('a database that cannot be opened is named with the reason', async (t) => {
  const options = { poolSize: 1, onAcquire: () => {}, onError: () => {} }
  const unreachable = parseDatabaseUrl('postgres://ada:hunter2@127.0.0.1:1/charges')
  await t.rejects(openDatabase(unreachable, options), {
    message: 'Cannot open the database postgres://***@127.0.0.1:1/charges: connect ECONNREFUSED 127.0.0.1:1'
  })
  const folder = t.testdir({ charges: {} })
  await t.rejects(openDatabase({ kind: 'sqlite', path: `${folder}/charges` }, options),
    { message: `Cannot open the database sqlite:${folder}/charges: unable to open database file` })
})

function messageOf(work: () => unknown): string {
  try {
    return `no error, but ${JSON.stringify(work())}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
