// The webhook target: accepts events and keeps the latest, so that a test can see what was delivered and how often. It
// does not act on them.

import type { Clock } from './clock.ts'
import type { Complaint } from './field-checks.ts'
import { readJson } from './field-checks.ts'
import type { Answer, Inspection, Service, ServiceRequest } from './service.ts'
import { errorAnswer, inspection, jsonAnswer, notFound } from './service.ts'

/** With bodies of at most 256 KiB this is 256 MiB at the very worst; the oldest events go first. */
export const MAX_EVENTS = 1_000

export interface WebhookEvent {
  readonly at: string
  readonly key: string | null
  readonly event: unknown
}

export class Webhook implements Service {
  readonly #clock: Clock
  readonly #events: WebhookEvent[] = []
  #received = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  inspect(request: ServiceRequest): Inspection | null {
    if (request.method !== 'GET' || request.path !== '/v1/events') return null
    return inspection({ received: this.#received, data: this.#events })
  }

  handle(request: ServiceRequest): Promise<Answer> {
    return Promise.resolve(this.#answerTo(request))
  }

  #answerTo(request: ServiceRequest): Answer {
    if (request.method === 'GET' && request.path === '/health') return jsonAnswer(200, { status: 'ok' })
    if (request.method !== 'POST' || request.path !== '/v1/events') return notFound(request)
    const complaints: Complaint[] = []
    const event = readJson(request.body.toString('utf8'), 'body', complaints)
    const complaint = complaints[0]
    if (complaint !== undefined) {
      return errorAnswer(400, 'invalid_request', `body must be ${complaint.expected}, got ${complaint.got}`)
    }
    this.#received += 1
    this.#events.push({ at: new Date(this.#clock.wallMs()).toISOString(), key: request.key, event })
    if (this.#events.length > MAX_EVENTS) this.#events.shift()
    return { status: 204, headers: {}, body: '', isExecution: true }
  }
}
