// The head of an interim answer (1xx) as bytes. All of them must travel (RFC 9110 section 15.2); node's response writes
// 100 and 102 and, with a Link field, 103.

import { isHopByHop, nominated } from '../core/hop-by-hop.ts'
import type { RawHeaders } from '../core/raw-headers.ts'

const reasons: { readonly [status: number]: string } = { 100: 'Continue', 102: 'Processing', 103: 'Early Hints' }

/** A complete interim head in latin1; framing and hop-by-hop fields are left out. */
export function interimHead(status: number, headers: RawHeaders): string {
  const named = nominated(headers)
  let head = `HTTP/1.1 ${status} ${reasons[status] ?? 'Interim'}\r\n`
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    const value = headers[i + 1] as string
    const lower = name.toLowerCase()
    if (isHopByHop(lower) || named.has(lower) || lower === 'content-length') continue
    if (writable.test(value) && token.test(name)) head += `${name}: ${value}\r\n`
  }
  return head + '\r\n'
}

/** No control character but the tab: a field that holds one would split the head. */
const writable = /^[\t\x20-\x7e\x80-\xff]*$/
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
