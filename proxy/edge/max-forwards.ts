// OPTIONS with no forwards left is answered here and goes no further (RFC 9110 section 7.6.2). What it says is what
// this hop serves, not what lies behind it: that is what the caller asked about.

import type { Caller, RequestHead } from '../core/caller.ts'

const allowed = ['allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']

/** Whether this request may not be forwarded. */
export function hasNoForwardsLeft({ method, headers }: RequestHead): boolean {
  if (method !== 'OPTIONS') return false
  let last: string | null = null
  for (let i = 0; i < headers.length; i += 2) {
    if ((headers[i] as string).toLowerCase() !== 'max-forwards') continue
    if (last !== null) return false
    last = headers[i + 1] as string
  }
  return last !== null && /^0+$/.test(last)
}

/** Says what is served here. */
export function answerOptions(caller: Caller): void {
  caller.answer(200, 'OK', allowed, 0, () => {}).end(null)
}
