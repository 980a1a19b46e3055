// The two W3C trace headers of a request, handed on to every call made for it, so that one trace spans all services.
// It makes no trace of its own: a request without one stays without.

import type { IncomingHttpHeaders } from 'node:http'

export type TraceHeaders = Readonly<Record<string, string>>

export function traceHeaders(headers: IncomingHttpHeaders): TraceHeaders {
  const trace: Record<string, string> = {}
  for (const name of ['traceparent', 'tracestate']) {
    const value = headers[name]
    if (typeof value === 'string') trace[name] = value
  }
  return trace
}
