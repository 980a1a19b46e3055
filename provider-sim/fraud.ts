// The fraud service: a score for a customer, the same in every process and for every seed, so that experiments agree on
// who is denied. It keeps nothing.

import type { Complaint } from './field-checks.ts'
import { InvalidInput, readJson, readNumber, readText } from './field-checks.ts'
import { fractionOf } from './random.ts'
import type { Answer, Service, ServiceRequest } from './service.ts'
import { errorAnswer, executed, jsonAnswer, notFound } from './service.ts'

const DENIED_PREFIX = 'cus_fraud'

/** From here on the decision is 'deny'. Ordinary customers score below, so that only named ones disturb a run. */
const DENY_FROM = 0.8

const SCORE_PATH = '/v1/score'

export class Fraud implements Service {
  inspect(): null {
    return null
  }

  handle(request: ServiceRequest): Promise<Answer> {
    return Promise.resolve(answerTo(request))
  }
}

function answerTo(request: ServiceRequest): Answer {
  const { method, path } = request
  if (method === 'POST' && path === SCORE_PATH) return scorePosted(request)
  if (method !== 'GET') return notFound(request)
  if (path === '/health') return jsonAnswer(200, { status: 'ok' })
  const customer = path.startsWith(`${SCORE_PATH}/`) ? decode(path.slice(SCORE_PATH.length + 1)) : ''
  return customer === '' ? notFound(request) : executed(jsonAnswer(200, judge(customer)))
}

function scorePosted(request: ServiceRequest): Answer {
  const complaints: Complaint[] = []
  const value = readJson(request.body.toString('utf8'), 'body', complaints)
  const fields = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  const customer = readText(fields['customer'], 'customer', 200, complaints)
  readNumber(fields['amount'], 'amount', { min: 0, max: Number.MAX_SAFE_INTEGER }, complaints)
  if (complaints.length > 0) return errorAnswer(400, 'invalid_request', new InvalidInput('score', complaints).message)
  return executed(jsonAnswer(200, judge(customer)))
}

/** The score (0 to 1) of a customer, and what follows from it. */
export function judge(customer: string): { readonly score: number; readonly decision: 'allow' | 'deny' } {
  const fraction = fractionOf(customer)
  const isDenied = customer.startsWith(DENIED_PREFIX)
  const score = isDenied ? DENY_FROM + fraction * (1 - DENY_FROM) : fraction * DENY_FROM
  return { score: Math.floor(score * 1e4) / 1e4, decision: isDenied ? 'deny' : 'allow' }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    // A malformed escape names no customer; the caller answers 404.
    return ''
  }
}
