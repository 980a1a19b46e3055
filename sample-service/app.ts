// Puts the service together from its configuration: a Fastify instance with every route, its database and its
// background job. It does not listen and handles no signals, so tests can inject requests or listen on port 0.

import { STATUS_CODES } from 'node:http'
import Fastify from 'fastify'
import { registerChargeRoutes } from './charge-routes.ts'
import { Charges } from './charges.ts'
import { openDatabase } from './database-location.ts'
import { FraudClient, ProviderClient, WebhookClient } from './dependencies.ts'
import { registerEventLoopRoutes } from './event-loop-routes.ts'
import { registerExportRoutes } from './export-routes.ts'
import { registerHealthRoutes } from './health-routes.ts'
import { registerLedgerRoutes } from './ledger-routes.ts'
import { createMetrics } from './metrics.ts'
import { registerMetricsRoutes } from './metrics-routes.ts'
import { registerReadingRoutes } from './reading-routes.ts'
import { startReconciliation } from './reconcile.ts'
import type { FastifyInstance } from 'fastify'
import type { Configuration } from './configuration.ts'
import type { Database } from './database.ts'
import type { Metrics } from './metrics.ts'

/** What the routes are made of. */
export interface ServiceParts {
  readonly database: Database
  readonly provider: ProviderClient
  readonly fraud: FraudClient
  readonly webhook: WebhookClient
  readonly charges: Charges
  readonly metrics: Metrics
  readonly adminToken: string | null
}

/** Opens the database and builds the app; `app.close()` ends both. Throws when the database cannot be opened. */
export async function buildApp(configuration: Configuration): Promise<FastifyInstance> {
  // Logs go to stderr: stdout carries the one line that says where the service listens.
  const app = Fastify({ logger: { level: configuration.logLevel, stream: process.stderr } })
  const metrics = createMetrics()
  const database = await openDatabase(configuration.database, {
    poolSize: configuration.poolSize,
    onAcquire: (seconds) => metrics.acquireSeconds.observe(seconds),
    onError: (error) => app.log.warn(error, 'a database connection broke')
  })
  metrics.watchPool(() => database.usage())
  const provider = new ProviderClient(configuration.providerUrl)
  const fraud = new FraudClient(configuration.fraudUrl)
  const parts: ServiceParts = {
    database, provider, fraud, metrics,
    webhook: new WebhookClient(configuration.webhookUrl),
    charges: new Charges({ database, provider, fraud }),
    adminToken: configuration.adminToken
  }
  answerErrors(app)
  registerRoutes(app, parts)
  reconcileInBackground(app, parts, configuration)
  app.addHook('onClose', () => database.close())
  return app
}

function registerRoutes(app: FastifyInstance, parts: ServiceParts): void {
  registerMetricsRoutes(app, parts)
  registerHealthRoutes(app, parts)
  registerChargeRoutes(app, parts)
  registerReadingRoutes(app, parts)
  registerLedgerRoutes(app, parts)
  registerExportRoutes(app, parts)
  registerEventLoopRoutes(app)
}

function reconcileInBackground(app: FastifyInstance, parts: ServiceParts, configuration: Configuration): void {
  // Stays undefined when the app closes before it was ready.
  let stop: (() => void) | undefined
  app.addHook('onReady', async () => {
    stop = startReconciliation({
      database: parts.database,
      provider: new ProviderClient(configuration.reconcileProviderUrl),
      ageMs: configuration.reconcileAgeMs,
      isUnderway: (id) => parts.charges.isUnderway(id),
      onReconciled: (end) => parts.metrics.reconciled.inc({ end }),
      onError: (error) => app.log.warn(error, 'a pending charge could not be reconciled')
    }, configuration.reconcileIntervalMs)
  })
  app.addHook('preClose', async () => stop?.())
}

/** An unexpected error is logged and shown as a bare 500: its message may speak of the database. */
function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler<Error & { statusCode?: number }>((error, request, reply) => {
    const statusCode = error.statusCode ?? 500
    if (statusCode >= 500) request.log.error(error)
    const name = STATUS_CODES[statusCode] ?? 'Error'
    return reply.code(statusCode).send({ statusCode, error: name, message: statusCode === 500 ? name : error.message })
  })
}
