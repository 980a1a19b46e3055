// Builds the service for one test: a database file of its own and three stub dependencies that are well until the test
// says otherwise. Everything ends with the test.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp } from '../app.ts'
import { startStub } from './stub-dependency.ts'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import type { Configuration } from '../configuration.ts'
import type { Stub, StubAnswer, StubRequest } from './stub-dependency.ts'

export interface TestService {
  readonly app: FastifyInstance
  readonly provider: Stub
  readonly fraud: Stub
  readonly webhook: Stub
  /** Asks for one ordinary charge. */
  charge(headers?: Record<string, string>): Promise<LightMyRequestResponse>
}

export const ORDER = { amount: 1250, currency: 'EUR', customer: 'ada', source: 'tok_visa' }

export async function startService(t: Test, changes: Partial<Configuration> = {}): Promise<TestService> {
  const provider = await startStub(healthyProvider())
  const fraud = await startStub(() => ({ status: 200, json: { score: 0.1, decision: 'allow' } }))
  const webhook = await startStub(() => ({ status: 204 }))
  const app = await buildApp({
    host: '127.0.0.1', port: 0, logLevel: 'silent', adminToken: 'letmein', poolSize: 8,
    database: { kind: 'sqlite', path: join(temporaryFolder(t), 'charges.sqlite') },
    providerUrl: provider.url, fraudUrl: fraud.url, webhookUrl: webhook.url, reconcileProviderUrl: provider.url,
    reconcileIntervalMs: 3_600_000, reconcileAgeMs: 10_000,
    ...changes
  })
  // Stubs go first: an app that still waits for one of them could not close.
  t.teardown(async () => {
    await Promise.all([provider.close(), fraud.close(), webhook.close()])
    await app.close()
  })
  const charge = (headers: Record<string, string> = {}): Promise<LightMyRequestResponse> =>
    app.inject({ method: 'POST', url: '/charge', payload: ORDER, headers })
  return { app, provider, fraud, webhook, charge }
}

/** A folder of the test's own, removed after it. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'sample-service-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A provider that executes every order and finds what it executed. */
export function healthyProvider(): (request: StubRequest) => StubAnswer {
  const executed: { id: string, status: string, reference: unknown }[] = []
  return ({ method, url, body }) => {
    if (method === 'POST') {
      const charge = { id: `p-${executed.length + 1}`, status: 'succeeded', reference: body['reference'] }
      executed.push(charge)
      return { status: 201, json: charge }
    }
    if (url === '/health') return { status: 200 }
    const reference = new URL(url, 'http://provider').searchParams.get('reference')
    if (reference !== null) {
      return { status: 200, json: { data: executed.filter((one) => one.reference === reference) } }
    }
    const found = executed.find((one) => url === `/v1/charges/${one.id}`)
    return found === undefined ? { status: 404 } : { status: 200, json: found }
  }
}
