// An answer of the upstream as it goes into a record: what of it is kept, and what is not.

import type { Reply } from '../../core/outcome.ts'
import type { StoredAnswer } from '../../core/record-store.ts'

/** All but its body. */
export function withoutBody({ status, reason, headers }: Reply): StoredAnswer {
  return { status, statusText: reason, headers, body: null, trailers: null, gap: 'too-large' }
}
