// The listener that may face the pod: whether this process lives, is ready, has started, and its metrics. It only
// reads, and says nothing about configuration or traffic that metrics do not say.

import type { FastifyInstance } from 'fastify'
import type { ListenAddress } from '../core/configuration.ts'
import { guard } from './guard.ts'
import { createListener, listen } from './listener.ts'
import type { Listening } from './listener.ts'

export interface Readiness {
  readonly isReady: boolean
  /** Why not, one short sentence each: `draining`, `listener public is not open`. */
  readonly reasons: readonly string[]
}

/** Where the answers come from. */
export interface HealthSource {
  /** Configured, listening, not draining; and the upstreams where that is asked for. */
  readiness(): Readiness
  /** Whether the first configuration stands and every listener was opened. */
  isStarted(): boolean
  readonly page: { readonly contentType: string; read(): Promise<string> }
}

export interface ProbeOptions extends HealthSource {
  readonly address: ListenAddress
}

/** Rejects with one line when the address cannot be had. */
export function startProbe(options: ProbeOptions): Promise<Listening> {
  const app = createListener()
  guard(app, { address: options.address, token: null })
  addHealthRoutes(app, options)
  return listen(app, 'probe', options.address)
}

/** `/livez` `/readyz` `/startupz` `/metrics`. */
export function addHealthRoutes(app: FastifyInstance, source: HealthSource): void {
  // That it answers is the whole message: the event loop turns. Restarting us does not heal an upstream.
  app.get('/livez', () => ({ status: 'alive' }))
  app.get('/readyz', (_request, reply) => {
    const { isReady, reasons } = source.readiness()
    return isReady ? { status: 'ready' } : reply.code(503).send({ status: 'not ready', reasons })
  })
  app.get('/startupz', (_request, reply) =>
    source.isStarted() ? { status: 'started' } : reply.code(503).send({ status: 'starting' }))
  app.get('/metrics', async (_request, reply) => {
    const page = await source.page.read()
    return reply.type(source.page.contentType).send(page)
  })
}
