// Serves the metrics and times every request. Requests for no known route share one label, so that paths
// callers make up add no series.

import type { FastifyInstance } from 'fastify'
import type { ServiceParts } from './app.ts'

/** Must run before the other routes are registered: a hook holds for what comes after it. */
export function registerMetricsRoutes(app: FastifyInstance, { metrics }: ServiceParts): void {
  app.addHook('onResponse', async (request, reply) => {
    const labels = {
      method: request.method, route: request.routeOptions.url ?? 'none', status: String(reply.statusCode)
    }
    metrics.requestSeconds.observe(labels, reply.elapsedTime / 1000)
  })

  app.get('/metrics', async (_request, reply) => {
    const text = await metrics.registry.metrics()
    return reply.type(metrics.registry.contentType).send(text)
  })
}
