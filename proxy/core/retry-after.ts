// When an upstream wants to be asked again: the Retry-After of an answer (RFC 9110 section 10.2.3) as a time span.

import type { Outcome } from './outcome.ts'

/** More than a day is no advice to a client that is waiting; it is brought down to this, ms. */
const longestMs = 86_400_000

/** Milliseconds that the answer asks to wait; 0: it does not say. `wallMs` is the clock's, for dates. */
export function retryAfterMs(outcome: Outcome, wallMs: number): number {
  if (outcome.kind !== 'reply' || (outcome.status < 500 && outcome.status !== 429)) return 0
  const { headers } = outcome
  for (let i = 0; i < headers.length; i += 2) {
    if ((headers[i] as string).toLowerCase() === 'retry-after') return spanOf(headers[i + 1] as string, wallMs)
  }
  return 0
}

function spanOf(value: string, wallMs: number): number {
  const text = value.trim()
  if (/^[0-9]{1,9}$/.test(text)) return Math.min(longestMs, Number(text) * 1000)
  // Only the form that is sent today (IMF-fixdate): Date.parse takes many things that are no date of HTTP.
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return 0
  const at = Date.parse(text)
  return Number.isNaN(at) ? 0 : Math.min(longestMs, Math.max(0, at - wallMs))
}
