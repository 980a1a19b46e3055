// The fields of an interim answer that may travel on. Interim answers go straight to the caller, past everything that
// strips the head of an answer, and they have no body that a field could frame.

import { isHopByHop, nominated } from '../core/hop-by-hop.ts'
import type { RawHeaders } from '../core/raw-headers.ts'

/** The end-to-end fields among `headers`. */
export function endToEnd(headers: RawHeaders): RawHeaders {
  const named = nominated(headers)
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const lower = (headers[i] as string).toLowerCase()
    if (lower === 'content-length' || isHopByHop(lower) || named.has(lower)) continue
    kept.push(headers[i] as string, headers[i + 1] as string)
  }
  return kept
}
