// Making faults of a store. Values, not exceptions: a caller that forgets one does not compile.

import type { StoreFault } from '../core/record-store.ts'

export function storeFault(reason: StoreFault['reason'], message: string): StoreFault {
  return { kind: 'fault', reason, message }
}

/** What an unknown thrown thing says, in one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n', 1)[0] ?? ''
}
