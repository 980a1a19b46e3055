// An answer of the upstream as it goes into a record: what of it is kept, and what is not. Fields that no replay would
// show are not at rest either.

import type { Reply } from '../../core/outcome.ts'
import type { RawHeaders } from '../../core/raw-headers.ts'
import type { StoredAnswer } from '../../core/record-store.ts'

/** With its whole body, and but for the fields of these lower-case names. */
export function withBody(
  reply: Reply, redacted: ReadonlySet<string>, body: Uint8Array, trailers: RawHeaders | null,
): StoredAnswer {
  const kept = trailers === null ? null : without(trailers, redacted)
  return { ...withoutBody(reply, redacted), body, trailers: kept, gap: null }
}

/** All but its body and those fields. */
export function withoutBody({ status, reason, headers }: Reply, redacted: ReadonlySet<string>): StoredAnswer {
  return {
    status, statusText: reason, headers: without(headers, redacted), body: null, trailers: null, gap: 'too-large',
  }
}

/** The same list where nothing is left out. */
function without(headers: RawHeaders, redacted: ReadonlySet<string>): RawHeaders {
  if (redacted.size === 0 || !names(headers, redacted)) return headers
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (!redacted.has(name.toLowerCase())) kept.push(name, headers[i + 1] as string)
  }
  return kept
}

function names(headers: RawHeaders, redacted: ReadonlySet<string>): boolean {
  for (let i = 0; i < headers.length; i += 2) if (redacted.has((headers[i] as string).toLowerCase())) return true
  return false
}
