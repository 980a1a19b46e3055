// The ledger for operators: every charge this service committed, with the key it came with. Whoever has the
// token of the environment may read it; without a token in the environment nobody may.

import { createHash, timingSafeEqual } from 'node:crypto'
import { errorSchema, ledgerSchema } from './schemas.ts'
import type { FastifyInstance } from 'fastify'
import type { ServiceParts } from './app.ts'

export function registerLedgerRoutes(app: FastifyInstance, { database, adminToken }: ServiceParts): void {
  app.get('/admin/ledger', {
    schema: { response: { 200: ledgerSchema, '4xx': errorSchema } }
  }, async (request, reply) => {
    if (adminToken === null || !isSame(bearerOf(request.headers.authorization), adminToken)) {
      const message = 'The ledger needs "authorization: Bearer" with the token of ADMIN_TOKEN'
      return reply.code(401).header('www-authenticate', 'Bearer')
        .send({ statusCode: 401, error: 'Unauthorized', message })
    }
    return { charges: await database.withConnection((connection) => connection.allCharges()) }
  })
}

function bearerOf(authorization: string | undefined): string {
  return /^Bearer +(.+)$/i.exec(authorization ?? '')?.[1] ?? ''
}

/** Compares digests, which are of one length, so that the time taken says nothing about the token. */
function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(digestOf(given), digestOf(expected))
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
