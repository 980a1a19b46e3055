// Every refusal as it goes over the wire, made once at load: fields and problem document (RFC 9457), the status named
// by the code's meaning, and the error type of RFC 9209. Only the request's id and Retry-After vary.

import { codes } from '../core/codes.ts'
import type { Code, CodeMeaning } from '../core/codes.ts'
import { firstValue } from '../core/raw-headers.ts'
import type { RawHeaders } from '../core/raw-headers.ts'

export interface Refusal {
  readonly status: number
  readonly reason: string
  readonly body: Buffer
  /** The same as text; it is ASCII. */
  readonly text: string
  /** Whether the connection cannot be used again. */
  readonly closes: boolean
  /** Fields in the flat form; complete but for what varies. */
  readonly fields: readonly string[]
  /** The same with their status line, as HTTP/1.1 writes them. */
  readonly head: string
}

/** Reason phrases of the statuses that codes use; node's own table is not reached from here. */
const reasons: { readonly [status: number]: string } = {
  400: 'Bad Request', 404: 'Not Found', 405: 'Method Not Allowed', 408: 'Request Timeout', 409: 'Conflict',
  413: 'Content Too Large', 414: 'URI Too Long', 417: 'Expectation Failed', 422: 'Unprocessable Content',
  429: 'Too Many Requests', 431: 'Request Header Fields Too Large', 499: 'Client Closed Request',
  500: 'Internal Server Error', 501: 'Not Implemented', 502: 'Bad Gateway', 503: 'Service Unavailable',
  504: 'Gateway Timeout', 505: 'HTTP Version Not Supported', 508: 'Loop Detected',
}

/** Proxy error types of RFC 9209 section 2.3, where the status alone does not name one. */
const errorTypes: { readonly [C in Code]?: string } = {
  'route.none': 'destination_not_found',
  'upstream.none': 'destination_unavailable',
  'upstream.connect-timeout': 'connection_timeout',
  'upstream.stalled': 'connection_read_timeout',
  'upstream.refused': 'connection_refused',
  'upstream.reset': 'connection_terminated',
  'upstream.dns': 'dns_error',
  'upstream.tls': 'tls_protocol_error',
  'upstream.malformed': 'http_protocol_error',
  'request.loop': 'proxy_loop_detected',
  'bulkhead.full': 'connection_limit_reached',
  'bulkhead.timeout': 'connection_limit_reached',
}

/** Whole seconds within which a caller should come again, where no policy knows better (see `retryAfterS`). */
const soonestS = 1
const latestS = 3

const refusals: { readonly [C in Code]?: Refusal } = makeRefusals()

/** The refusal of this code. */
export function refusalOf(code: Code): Refusal {
  return refusals[code] as Refusal
}

/** The refusal of this code with members of its own in the document. */
export function refusalWith(code: Code, members: Readonly<Record<string, unknown>>): Refusal {
  return makeRefusal(code, codes[code], members)
}

/** Nothing was sent upstream: whoever repeats the request repeats nothing. */
export const notProcessed: RawHeaders = ['idempotency-status', 'not-processed']

/** Those fields with that word, unless they say of the key themselves. */
export function asNotProcessed(own: RawHeaders | undefined): RawHeaders {
  if (own === undefined) return notProcessed
  return firstValue(own, 'idempotency-status') === undefined ? [...own, ...notProcessed] : own
}

/** Seconds for Retry-After: 0 (no such field) unless the answer is a 429 or 503; rounded up, or 1 to 3 by lot. */
export function retryAfterS(code: Code, knownMs: number, random: () => number): number {
  const { status } = codes[code]
  if (status !== 503 && status !== 429) return 0
  if (knownMs > 0) return Math.ceil(knownMs / 1000)
  return soonestS + Math.floor(random() * (latestS - soonestS + 1))
}

/** The fields of one refusal with what varies; '' and 0 leave a field out. */
export function refusalFields(
  refusal: Refusal, requestId: string, retryAfterS: number, own: RawHeaders | undefined,
): string[] {
  return addVarying(refusal.fields.slice(), requestId, retryAfterS, own)
}

/** Only what varies. */
export function varyingFields(requestId: string, retryAfterS: number, own: RawHeaders | undefined): string[] {
  return addVarying([], requestId, retryAfterS, own)
}

function addVarying(
  fields: string[], requestId: string, retryAfterS: number, own: RawHeaders | undefined,
): string[] {
  if (own !== undefined) for (let i = 0; i < own.length; i++) fields.push(own[i] as string)
  if (retryAfterS > 0) fields.push('retry-after', String(retryAfterS))
  if (requestId !== '') fields.push('x-request-id', requestId)
  return fields
}

function makeRefusals(): { [C in Code]?: Refusal } {
  const made: { [C in Code]?: Refusal } = {}
  for (const [code, meaning] of Object.entries(codes) as [Code, CodeMeaning][]) made[code] = makeRefusal(code, meaning)
  return made
}

function textOf(code: Code, { status, title, retry }: CodeMeaning, members: Readonly<Record<string, unknown>>): string {
  const known = { type: `urn:seawall:${code}`, title, status, code, ...(retry === undefined ? {} : { retry }) }
  // The document is ASCII, so that its length is that of the text: values of an upstream's fields may be anything.
  const text = JSON.stringify({ ...known, ...members })
  return `${text.replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`
}

function makeRefusal(code: Code, meaning: CodeMeaning, members: Readonly<Record<string, unknown>> = {}): Refusal {
  const { status, closes } = meaning
  const text = textOf(code, meaning, members)
  const body = Buffer.from(text)
  const fields = [
    'content-type', 'application/problem+json', 'content-length', String(body.length),
    'proxy-status', `seawall; error=${errorType(code, status)}; details="${code}"`,
  ]
  // RFC 9110 section 15.5.6 wants to know what is served; what is not is CONNECT and TRACE.
  if (status === 405) fields.push('allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS')
  const reason = reasons[status] ?? ''
  return { status, reason, body, text, closes: closes === true, fields, head: headOf(status, reason, fields) }
}

/** In one piece: a text that was put together of many is put together anew each time it is written. */
function headOf(status: number, reason: string, fields: readonly string[]): string {
  let head = `HTTP/1.1 ${status} ${reason}\r\n`
  for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`
  return Buffer.from(head, 'latin1').toString('latin1')
}

function errorType(code: Code, status: number): string {
  const named = errorTypes[code]
  if (named !== undefined) return named
  if (status === 504) return 'http_response_timeout'
  if (status === 502) return 'destination_unavailable'
  return status === 503 || status === 429 ? 'http_request_denied' : 'http_request_error'
}
