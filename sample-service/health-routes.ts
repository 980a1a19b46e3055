// Liveness (the process answers) and readiness (the database and the provider answer in time). A readiness that
// asks a dependency takes every replica out at once when that dependency fails: one more fault that real
// services have.

import type { FastifyInstance } from 'fastify'
import type { ServiceParts } from './app.ts'

/** A check that has not answered by then has failed. */
const CHECK_TIMEOUT_MS = 500

export function registerHealthRoutes(app: FastifyInstance, { database, provider }: ServiceParts): void {
  app.get('/health/live', async () => ({ status: 'live' }))

  app.get('/health/ready', async (_request, reply) => {
    const failures = await Promise.all([
      failureOf('database', () => database.withConnection((connection) => connection.ping())),
      failureOf('provider', (signal) => provider.checkHealth(signal))
    ])
    const reasons = failures.filter((failure) => failure !== null)
    if (reasons.length === 0) return { status: 'ready' }
    return reply.code(503).send({ status: 'not ready', reasons })
  })
}

async function failureOf(name: string, check: (signal: AbortSignal) => Promise<void>): Promise<string | null> {
  const signal = AbortSignal.timeout(CHECK_TIMEOUT_MS)
  const { promise: overdue, reject } = Promise.withResolvers<never>()
  // Listens before the check does, so that the reason is always this one.
  signal.addEventListener('abort', () => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)), { once: true })
  try {
    await Promise.race([check(signal), overdue])
    return null
  } catch (error) {
    return `${name}: ${error instanceof Error ? error.message : String(error)}`
  }
}
