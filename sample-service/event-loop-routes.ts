// A route that blocks the event loop on request, to show that then nothing else in the process moves, health
// included.

import { blockQuerySchema } from './schemas.ts'
import type { FastifyInstance } from 'fastify'

/** Longer requests are cut to this. */
const MAX_BLOCK_MS = 10_000

export function registerEventLoopRoutes(app: FastifyInstance): void {
  app.get<{ Querystring: { ms: number } }>('/block', {
    schema: { querystring: blockQuerySchema }
  }, (request, reply) => {
    const blockedMs = Math.min(request.query.ms, MAX_BLOCK_MS)
    const until = performance.now() + blockedMs
    while (performance.now() < until) { /* Burning the time is the point. */ }
    reply.send({ blockedMs })
  })
}
