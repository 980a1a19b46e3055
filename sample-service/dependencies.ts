// Clients of the three services this one calls: the card provider, the fraud check and the webhook target.
// Plain fetch with no timeout, no retry and no limit, as a team writes it on the first day; that is a fault it
// has on purpose.

import type { TraceHeaders } from './trace.ts'

/** A dependency did not answer, or not with what its contract says. The caller sees a 502. */
export class DependencyError extends Error {
  override readonly name = 'DependencyError'
  readonly statusCode = 502
}

export interface ProviderOrder {
  readonly amount: number
  readonly currency: string
  readonly source: string
  /** Our id of the charge, by which it can be found again when the answer was lost. */
  readonly reference: string
}

export interface ProviderCharge {
  readonly id: string
  readonly status: string
}

export type ProviderAnswer =
  | { readonly kind: 'executed', readonly charge: ProviderCharge }
  | { readonly kind: 'declined' }

export class ProviderClient {
  readonly #base: string

  constructor(url: string) {
    this.#base = baseOf(url)
  }

  /** Throws a DependencyError when it is unknown whether the provider charged. */
  async charge(order: ProviderOrder, idempotencyKey: string | null, trace: TraceHeaders): Promise<ProviderAnswer> {
    const key: Record<string, string> = idempotencyKey === null ? {} : { 'idempotency-key': idempotencyKey }
    const response = await post('provider', `${this.#base}/v1/charges`, order, { ...trace, ...key })
    if (response.status === 402) {
      discard(response)
      return { kind: 'declined' }
    }
    const charge = providerChargeOf(await jsonOf('provider', response))
    if (charge.status === 'succeeded') return { kind: 'executed', charge }
    throw new DependencyError(`provider answered a charge with the status "${charge.status}"`)
  }

  async find(id: string, trace: TraceHeaders): Promise<ProviderCharge | null> {
    const response = await call('provider', `${this.#base}/v1/charges/${encodeURIComponent(id)}`, { headers: trace })
    if (response.status === 404) {
      discard(response)
      return null
    }
    return providerChargeOf(await jsonOf('provider', response))
  }

  /** The charge executed for one of our ids, or null when the provider knows of none. */
  async findByReference(reference: string, signal: AbortSignal): Promise<ProviderCharge | null> {
    const url = `${this.#base}/v1/charges?reference=${encodeURIComponent(reference)}`
    const body = await jsonOf('provider', await call('provider', url, { signal }))
    const found = fieldOf(body, 'data')
    if (!Array.isArray(found)) throw new DependencyError('provider answered a search without "data"')
    const executed = found.map(providerChargeOf).find((charge) => charge.status === 'succeeded')
    return executed ?? null
  }

  /** Throws a DependencyError when the provider says it is not well, or says nothing before `signal`. */
  async checkHealth(signal: AbortSignal): Promise<void> {
    const response = await call('provider', `${this.#base}/health`, { signal })
    discard(response)
    if (!response.ok) throw new DependencyError(`provider answered status ${response.status}`)
  }
}

export class FraudClient {
  readonly #base: string

  constructor(url: string) {
    this.#base = baseOf(url)
  }

  async decide(order: { customer: string, amount: number }, trace: TraceHeaders): Promise<'allow' | 'deny'> {
    const body = await jsonOf('fraud', await post('fraud', `${this.#base}/v1/score`, order, trace))
    const decision = fieldOf(body, 'decision')
    if (decision !== 'allow' && decision !== 'deny') throw new DependencyError('fraud answered without a decision')
    return decision
  }

  /** From 0 (harmless) to 1 (certain fraud). */
  async score(customer: string, trace: TraceHeaders): Promise<number> {
    const url = `${this.#base}/v1/score/${encodeURIComponent(customer)}`
    const score = fieldOf(await jsonOf('fraud', await call('fraud', url, { headers: trace })), 'score')
    if (typeof score !== 'number') throw new DependencyError('fraud answered without a score')
    return score
  }
}

export class WebhookClient {
  readonly #base: string

  constructor(url: string) {
    this.#base = baseOf(url)
  }

  async notify(event: object, trace: TraceHeaders): Promise<void> {
    const response = await post('webhook', `${this.#base}/v1/events`, event, trace)
    discard(response)
    if (!response.ok) throw new DependencyError(`webhook answered status ${response.status}`)
  }
}

function post(dependency: string, url: string, body: object, headers: TraceHeaders): Promise<Response> {
  return call(dependency, url, {
    method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body)
  })
}

async function call(dependency: string, url: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, request)
  } catch (error) {
    throw new DependencyError(`${dependency} did not answer: ${reasonOf(error)}`, { cause: error })
  }
}

async function jsonOf(dependency: string, response: Response): Promise<unknown> {
  if (!response.ok) {
    discard(response)
    throw new DependencyError(`${dependency} answered status ${response.status}`)
  }
  try {
    return await response.json()
  } catch (error) {
    throw new DependencyError(`${dependency} answered with a broken body: ${reasonOf(error)}`, { cause: error })
  }
}

/** Lets go of a body nobody reads: a connection with unread bytes stays taken for ever. */
function discard(response: Response): void {
  response.body?.cancel().catch(() => { /* The body broke while it was thrown away, which is as good. */ })
}

function providerChargeOf(body: unknown): ProviderCharge {
  const id = fieldOf(body, 'id')
  const status = fieldOf(body, 'status')
  if (typeof id === 'string' && typeof status === 'string') return { id, status }
  throw new DependencyError('provider answered a charge without "id" or "status"')
}

function fieldOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined
}

function baseOf(url: string): string {
  return url.replace(/\/+$/, '')
}

/** fetch says only "fetch failed"; the reason stands in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message
}
