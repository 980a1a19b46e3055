// The payment provider: charges, with or without deduplication by idempotency key, over one ledger that all its ports
// share. Declined cards are not executed and not remembered; latency and faults are applied around it, not in it.

import { createHash } from 'node:crypto'
import type { Complaint } from './field-checks.ts'
import { InvalidInput, readInteger, readJson, readText, show } from './field-checks.ts'
import type { Charge, Ledger } from './ledger.ts'
import type { Answer, Inspection, Service, ServiceRequest } from './service.ts'
import { errorAnswer, executed, inspection, jsonAnswer, notFound } from './service.ts'

/** The length real providers accept; a longer key is a client's mistake, not a key. */
const MAX_KEY_LENGTH = 255

const CHARGES_PATH = '/v1/charges'

export class Provider implements Service {
  readonly #ledger: Ledger
  /** First executions under way by key, so that two requests at once with one key execute once. */
  readonly #executing = new Map<string, Promise<Charge>>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  inspect(request: ServiceRequest): Inspection | null {
    if (request.method !== 'GET') return null
    if (request.path === '/v1/ledger') return { status: 200, pieces: ledgerPieces(this.#ledger.charges) }
    if (request.path === '/v1/ledger/summary') return inspection(this.#ledger.summary())
    return null
  }

  async handle(request: ServiceRequest): Promise<Answer> {
    const { method, path } = request
    if (method === 'POST' && path === CHARGES_PATH) return this.#create(request)
    if (method !== 'GET') return notFound(request)
    if (path === '/health') return jsonAnswer(200, { status: 'ok' })
    if (path === CHARGES_PATH) return this.#list(request)
    if (path.startsWith(`${CHARGES_PATH}/`)) return this.#show(request)
    return notFound(request)
  }

  async #create(request: ServiceRequest): Promise<Answer> {
    const { key } = request
    if (key !== null && (key === '' || key.length > MAX_KEY_LENGTH)) {
      return errorAnswer(400, 'invalid_key', `idempotency-key must have 1 to ${MAX_KEY_LENGTH} characters`)
    }
    const order = readOrder(request)
    if (order instanceof InvalidInput) return errorAnswer(400, 'invalid_request', order.message)
    try {
      const first = request.dedupe === 'on' && key !== null ? this.#firstExecution(key) : null
      if (first !== null) return repeat(await first, order.bodySha256)
      if (order.source === 'tok_declined') return errorAnswer(402, 'card_declined', 'The card was declined')
      return executed(jsonAnswer(201, describe(await this.#execute(order))))
    } catch (error) {
      return errorAnswer(500, 'ledger_failed', error instanceof Error ? error.message : String(error))
    }
  }

  #firstExecution(key: string): Charge | Promise<Charge> | null {
    return this.#ledger.findByKey(key) ?? this.#executing.get(key) ?? null
  }

  #execute(order: Parameters<Ledger['execute']>[0]): Promise<Charge> {
    const execution = this.#ledger.execute(order)
    const { key } = order
    if (key === null || this.#executing.has(key)) return execution
    // Removed in the turn in which the ledger has indexed the charge: a key is never in neither place.
    const tracked = execution.finally(() => this.#executing.delete(key))
    this.#executing.set(key, tracked)
    return tracked
  }

  #list(request: ServiceRequest): Answer {
    const reference = request.query.get('reference')
    if (reference === null) return errorAnswer(400, 'invalid_request', 'reference must be given, got nothing')
    return jsonAnswer(200, { data: this.#ledger.findByReference(reference).map(describe) })
  }

  #show(request: ServiceRequest): Answer {
    const charge = this.#ledger.findById(request.path.slice(CHARGES_PATH.length + 1))
    return charge === null ? notFound(request) : jsonAnswer(200, describe(charge))
  }
}

function describe({ id, amount, currency, reference }: Charge): Readonly<Record<string, unknown>> {
  return { id, status: 'succeeded', amount, currency, reference }
}

function repeat(first: Charge, bodySha256: string): Answer {
  if (first.bodySha256 === bodySha256) return jsonAnswer(201, describe(first), { 'idempotent-replayed': 'true' })
  return errorAnswer(422, 'key_reused', 'idempotency-key was used before with another body')
}

function readOrder(request: ServiceRequest): Parameters<Ledger['execute']>[0] | InvalidInput {
  const complaints: Complaint[] = []
  const value = readJson(request.body.toString('utf8'), 'body', complaints)
  const fields = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  if (complaints.length === 0 && fields !== value) {
    complaints.push({ field: 'body', expected: 'an object', got: show(value) })
  }
  if (complaints.length > 0) return new InvalidInput('charge', complaints)
  const amountRange = { min: 1, max: Number.MAX_SAFE_INTEGER }
  const order = {
    key: request.key,
    port: request.port,
    amount: readInteger(fields['amount'], 'amount', amountRange, complaints),
    currency: readText(fields['currency'], 'currency', 3, complaints),
    source: readText(fields['source'], 'source', 200, complaints),
    reference: readText(fields['reference'], 'reference', 200, complaints),
    // Of the bytes, not of their meaning: the strictest provider, which a proxy that repeats a body must satisfy.
    bodySha256: createHash('sha256').update(request.body).digest('hex'),
  }
  return complaints.length > 0 ? new InvalidInput('charge', complaints) : order
}

function* ledgerPieces(charges: readonly Charge[]): Iterable<string> {
  // The count is taken now: rows added while the answer is being sent belong to the next one.
  const count = charges.length
  yield `{"count":${count},"data":[`
  for (let start = 0; start < count; start += 1_000) {
    const rows = charges.slice(start, Math.min(start + 1_000, count)).map((charge) => JSON.stringify(charge))
    yield `${start === 0 ? '' : ','}${rows.join(',')}`
  }
  yield ']}'
}
