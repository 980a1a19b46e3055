// The JSON Schemas of what callers send and get, and the types that go with them. Fastify validates requests
// with them and writes answers with them; a field that is not named here never leaves the service.

export interface ChargeBody {
  readonly amount: number
  readonly currency: string
  readonly customer: string
  readonly source: string
}

export interface ExportQuery {
  readonly page: number
  readonly serializer: 'naive' | 'schema'
}

/** Text that both databases can store and a URL can carry: not empty, no control characters. */
const name = { type: 'string', minLength: 1, maxLength: 128, pattern: '^[^\\u0000-\\u001f\\u007f]*$' }
const nullableText = { type: ['string', 'null'] }
const chargeFields = {
  id: { type: 'string' }, amount: { type: 'integer' }, currency: { type: 'string' }, customer: { type: 'string' },
  status: { type: 'string' }, providerId: nullableText, createdAt: { type: 'string' }
}

/** The largest amount that fits the column of both databases with room to spare, in minor units. */
const MAX_AMOUNT = 999_999_999

export const chargeBodySchema = {
  type: 'object',
  required: ['amount', 'currency', 'customer', 'source'],
  properties: {
    amount: { type: 'integer', minimum: 1, maximum: MAX_AMOUNT },
    currency: { type: 'string', pattern: '^[A-Za-z]{3}$' },
    customer: name,
    source: name
  }
}

export const idSchema = { type: 'object', properties: { id: name } }
export const customerSchema = { type: 'object', properties: { customer: name } }

export const blockQuerySchema = {
  type: 'object', properties: { ms: { type: 'integer', minimum: 0, default: 100 } }
}

export const exportQuerySchema = {
  type: 'object',
  properties: {
    page: { type: 'integer', minimum: 1, maximum: 1_000_000, default: 1 },
    serializer: { type: 'string', enum: ['naive', 'schema'], default: 'naive' }
  }
}

export const chargeSchema = { type: 'object', properties: chargeFields }

export const errorSchema = {
  type: 'object',
  properties: {
    statusCode: { type: 'integer' }, error: { type: 'string' }, message: { type: 'string' },
    /** The charge the error is about, where there is one. */
    id: { type: 'string' }
  }
}

export const summarySchema = {
  type: 'object',
  properties: {
    charge: chargeSchema,
    provider: { anyOf: [
      { type: 'null' }, { type: 'object', properties: { id: { type: 'string' }, status: { type: 'string' } } }
    ] },
    risk: { type: 'number' },
    customer: { type: 'object', properties: { charges: { type: 'integer' }, amount: { type: 'integer' } } }
  }
}

export const catalogueSchema = {
  type: 'object',
  properties: { products: { type: 'array', items: { type: 'object', properties: {
    sku: { type: 'string' }, name: { type: 'string' }, price: { type: 'integer' }, currency: { type: 'string' }
  } } } }
}

export const reportSchema = {
  type: 'object',
  properties: { lines: { type: 'array', items: { type: 'object', properties: {
    currency: { type: 'string' }, status: { type: 'string' }, charges: { type: 'integer' }, amount: { type: 'integer' }
  } } } }
}

export const ledgerSchema = {
  type: 'object',
  properties: { charges: { type: 'array', items: { type: 'object', properties: {
    ...chargeFields, idempotencyKey: nullableText
  } } } }
}
