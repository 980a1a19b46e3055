// The routes about one charge: making it, reading it, its summary from three places, and the risk of a customer. Here
// the end of a charge becomes an HTTP answer; what happens before stands in charges.ts.

import { finished } from 'node:stream'
import {
  chargeBodySchema, chargeSchema, customerSchema, errorSchema, idSchema, summarySchema
} from './schemas.ts'
import { traceHeaders } from './trace.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ServiceParts } from './app.ts'
import type { ChargeEnd } from './charges.ts'
import type { Charge } from './database.ts'
import type { ChargeBody } from './schemas.ts'

export function registerChargeRoutes(app: FastifyInstance, parts: ServiceParts): void {
  const { charges, database, fraud, provider } = parts

  app.post<{ Body: ChargeBody }>('/charge', {
    schema: { body: chargeBodySchema, response: { 201: chargeSchema, '4xx': errorSchema, '5xx': errorSchema } }
  }, async (request, reply) => {
    const { amount, currency, customer, source } = request.body
    const order = { amount, currency, customer, source, idempotencyKey: idempotencyKeyOf(request) }
    const end = await charges.create(order, traceHeaders(request.headers))
    reply.header('location', `/charges/${end.charge.id}`)
    if (end.kind !== 'succeeded') return refuse(end, request, reply)
    notifyAfterAnswer(end.charge, parts, request, reply)
    return reply.code(201).send(end.charge)
  })

  app.get<{ Params: { id: string } }>('/charges/:id', {
    schema: { params: idSchema, response: { 200: chargeSchema, '4xx': errorSchema } }
  }, async (request, reply) => {
    const charge = await database.withConnection((connection) => connection.findCharge(request.params.id))
    return charge ?? reply.code(404).send(notFound(request.params.id))
  })

  app.get<{ Params: { customer: string } }>('/risk/:customer', {
    schema: { params: customerSchema }
  }, async (request, reply) => {
    const { customer } = request.params
    const score = await fraud.score(customer, traceHeaders(request.headers))
    return reply.send({ customer, score })
  })

  app.get<{ Params: { id: string } }>('/summary/:id', {
    schema: { params: idSchema, response: { 200: summarySchema, '4xx': errorSchema } }
  }, async (request, reply) => {
    const charge = await database.withConnection((connection) => connection.findCharge(request.params.id))
    if (charge === undefined) return reply.code(404).send(notFound(request.params.id))
    const trace = traceHeaders(request.headers)
    const [atProvider, risk, customer] = await Promise.all([
      charge.providerId === null ? null : provider.find(charge.providerId, trace),
      fraud.score(charge.customer, trace),
      database.withConnection((connection) => connection.customerTotals(charge.customer))
    ])
    return { charge, provider: atProvider, risk, customer }
  })
}

type Refusal = Exclude<ChargeEnd, { kind: 'succeeded' }>

function refuse(end: Refusal, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { id } = end.charge
  if (end.kind === 'declined') {
    const message = `The charge was declined by the ${end.by}`
    return reply.code(402).send({ statusCode: 402, error: 'Payment Required', message, id })
  }
  request.log.warn(end.cause, 'a charge stays pending')
  const message = `The charge is pending: ${end.cause.message}`
  return reply.code(502).send({ statusCode: 502, error: 'Bad Gateway', message, id })
}

/** Best effort: the charge is committed, so a webhook that fails is logged and forgotten. */
function notifyAfterAnswer(charge: Charge, parts: ServiceParts, request: FastifyRequest, reply: FastifyReply): void {
  const trace = traceHeaders(request.headers)
  // Also fires when the caller has left before the answer: the charge happened all the same.
  finished(reply.raw, () => {
    const { id, amount, currency, customer, status } = charge
    parts.webhook.notify({ type: 'charge.succeeded', charge: { id, amount, currency, customer, status } }, trace)
      .catch((error: unknown) => request.log.warn(error, 'a webhook was not delivered'))
  })
}

function idempotencyKeyOf(request: FastifyRequest): string | null {
  const key = request.headers['idempotency-key']
  return typeof key === 'string' && key !== '' ? key : null
}

function notFound(id: string): object {
  return { statusCode: 404, error: 'Not Found', message: 'There is no such charge', id }
}
