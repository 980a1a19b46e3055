// Two reads that need nothing but the database: a cheap one that must stay fast whatever the dependencies do,
// and a slow one that holds its connection all the while.

import { catalogueSchema, reportSchema } from './schemas.ts'
import type { FastifyInstance } from 'fastify'
import type { ServiceParts } from './app.ts'

/** A report takes at least this long, and up to twice as long. */
const REPORT_MS = 150

export function registerReadingRoutes(app: FastifyInstance, { database }: ServiceParts): void {
  app.get('/catalogue', { schema: { response: { 200: catalogueSchema } } }, async () => ({
    products: await database.withConnection((connection) => connection.catalogue())
  }))

  app.get('/report', { schema: { response: { 200: reportSchema } } }, async () => {
    const durationMs = Math.round(REPORT_MS * (1 + Math.random()))
    return { lines: await database.withConnection((connection) => connection.report(durationMs)) }
  })
}
