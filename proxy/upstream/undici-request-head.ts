// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The outgoing head of an attempt as undici takes it: the lines that every leaf sends, taken apart again, without what
// undici writes itself or refuses to write.

import type { Attempt } from '../core/attempt.ts'
import type { RequestHeads } from './request-head.ts'

export interface UndiciHead {
  readonly target: string
  readonly fields: string[]
}

/** undici frames the body, keeps the connection, and knows neither Expect nor an offer to take trailers. */
const notForUndici: ReadonlySet<string> = new Set(['transfer-encoding', 'expect', 'te', 'connection'])

/** The head of this attempt towards the endpoint of that authority. */
export function outgoingHead(heads: RequestHeads, attempt: Attempt, authority: string, now: number): UndiciHead {
  const head = heads.build(attempt, authority, now)
  const { method } = attempt.work.exchange.caller.head
  const fields: string[] = []
  const lineEnd = head.indexOf('\r\n')
  // ` HTTP/1.1` is nine bytes; two line ends close the head.
  const target = head.slice(method.length + 1, lineEnd - 9)
  for (let at = lineEnd + 2; at < head.length - 2;) {
    const colon = head.indexOf(': ', at)
    const end = head.indexOf('\r\n', colon)
    const name = head.slice(at, colon)
    if (!notForUndici.has(name)) fields.push(name, head.slice(colon + 2, end))
    at = end + 2
  }
  return { target, fields }
}
