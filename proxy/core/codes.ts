// The closed vocabulary of everything Seawall may say no with, or report of an upstream: one word each, the same in
// answers, metrics, logs and docs/VOCABULARY.md. It holds no behaviour.

/** What a code means on the wire: the status of the answer and the title of its problem document. */
export interface CodeMeaning {
  readonly status: number
  readonly title: string
  /** Whether the connection towards the caller cannot be used again after this answer. */
  readonly closes?: boolean
}

const meanings = {
  'route.none': { status: 404, title: 'No route matches this request' },
  'drain.closing': { status: 503, title: 'This instance is draining', closes: true },
  'shed.limit': { status: 503, title: 'The upstream is at its limit' },
  'shed.queue': { status: 503, title: 'The request left the admission queue unserved' },
  'bulkhead.full': { status: 503, title: 'The bulkhead is full' },
  'bulkhead.timeout': { status: 503, title: 'The wait for the bulkhead is over' },
  'rate-limit.exceeded': { status: 429, title: 'Too many requests for this limit' },
  'upstream.none': { status: 503, title: 'No endpoint of the upstream can be used' },
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
  'caller.gone': { status: 499, title: 'The caller left before the answer was complete' },
} as const satisfies Record<string, CodeMeaning>

/** One word of the vocabulary. */
export type Code = keyof typeof meanings

/** Codes of an attempt that got no complete answer from its endpoint. */
export type FaultCode = Extract<Code, `upstream.${string}`> | 'deadline.expired'

/** Every code with its meaning; the answers' statuses come from here and nowhere else. */
export const codes: { readonly [C in Code]: CodeMeaning } = meanings
