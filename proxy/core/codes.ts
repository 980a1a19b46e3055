// The closed vocabulary of everything Seawall may say no with, or report of an upstream: one word each, the same in
// answers, metrics, logs and docs/VOCABULARY.md. It holds no behaviour.

/** What a code means on the wire: the status of the answer and the title of its problem document. */
export interface CodeMeaning {
  readonly status: number
  readonly title: string
  /** Whether the connection towards the caller cannot be used again after this answer. */
  readonly closes?: boolean
  /**
   * What a caller with an idempotency key may do next, for machines: the same request again, the same with a new key,
   * another request, or find out by other means what became of it.
   */
  readonly retry?: 'same-key' | 'new-key' | 'fix-request' | 'reconcile'
}

const meanings = {
  'route.none': { status: 404, title: 'No route matches this request' },
  'drain.closing': { status: 503, title: 'This instance is draining', closes: true },
  'shed.limit': { status: 503, title: 'The upstream is at its limit' },
  'shed.queue': { status: 503, title: 'The request left the admission queue unserved' },
  'bulkhead.full': { status: 503, title: 'The bulkhead is full' },
  'bulkhead.timeout': { status: 503, title: 'The wait for the bulkhead is over' },
  'rate-limit.exceeded': { status: 429, title: 'Too many requests for this limit' },
  'breaker.open': { status: 503, title: 'The upstream is known to fail and is not asked now' },
  'throttle.rejected': { status: 503, title: 'The upstream accepts too little, and is asked less' },
  'upstream.none': { status: 503, title: 'No endpoint of the upstream can be used' },
  'deadline.doomed': { status: 504, title: 'The request could not have been answered in the time it has left' },
  'deadline.expired': { status: 504, title: 'The deadline of this request has passed' },
  'upstream.timeout': { status: 504, title: 'The upstream did not answer in time' },
  'upstream.connect-timeout': { status: 504, title: 'The upstream did not accept a connection in time' },
  'upstream.stalled': { status: 504, title: 'The upstream stopped sending' },
  'upstream.refused': { status: 502, title: 'The upstream refused the connection' },
  'upstream.reset': { status: 502, title: 'The upstream closed the connection before its answer was complete' },
  'upstream.dns': { status: 502, title: 'The name of the upstream could not be resolved' },
  'upstream.tls': { status: 502, title: 'TLS with the upstream failed' },
  'upstream.malformed': { status: 502, title: 'The upstream sent something that is not HTTP' },
  'request.timeout': { status: 408, title: 'The request did not arrive in time', closes: true },
  'request.headers-too-large': { status: 431, title: 'The header section is too large', closes: true },
  'request.body-too-large': { status: 413, title: 'The body is too large', closes: true },
  'request.uri-too-long': { status: 414, title: 'The request target is too long', closes: true },
  'request.malformed': { status: 400, title: 'The request cannot be framed', closes: true },
  'request.version': { status: 505, title: 'This version of HTTP is not spoken here', closes: true },
  'request.method': { status: 405, title: 'This method is not served here', closes: true },
  'request.expectation': { status: 417, title: 'This expectation cannot be met', closes: true },
  'request.coding': { status: 501, title: 'This transfer coding or upgrade is not supported', closes: true },
  'request.loop': { status: 508, title: 'The request has already passed through this instance' },
  'idempotency.key-missing': { status: 400, title: 'Idempotency-Key is missing', retry: 'fix-request' },
  'idempotency.key-invalid': { status: 400, title: 'Idempotency-Key is invalid', retry: 'fix-request' },
  // It may have been executed, and its record be gone: a new key could be a second charge.
  'idempotency.key-expired': { status: 400, title: 'Idempotency-Key is too old', retry: 'reconcile' },
  'idempotency.key-reused': { status: 422, title: 'Idempotency-Key is already used', retry: 'new-key' },
  'idempotency.in-progress': {
    status: 409, title: 'A request is outstanding for this Idempotency-Key', retry: 'same-key',
  },
  'idempotency.outcome-unknown': {
    status: 409, title: 'The outcome of the original request is unknown', retry: 'reconcile',
  },
  'idempotency.result-unavailable': {
    status: 409, title: 'The original response cannot be replayed', retry: 'reconcile',
  },
  'idempotency.body-too-large': { status: 413, title: 'Request body too large for idempotency', retry: 'fix-request' },
  'idempotency.quota': { status: 429, title: 'Too many idempotency keys', retry: 'same-key' },
  'idempotency.store-unavailable': { status: 503, title: 'Idempotency store unavailable', retry: 'same-key' },
  'idempotency.store-full': { status: 503, title: 'Idempotency store full', retry: 'same-key' },
  'caller.gone': { status: 499, title: 'The caller left before the answer was complete' },
} as const satisfies Record<string, CodeMeaning>

/** One word of the vocabulary. */
export type Code = keyof typeof meanings

/** Codes of an attempt that got no complete answer from its endpoint. */
export type FaultCode = Extract<Code, `upstream.${string}`> | 'deadline.expired'

/** Every code with its meaning; the answers' statuses come from here and nowhere else. */
export const codes: { readonly [C in Code]: CodeMeaning } = meanings
