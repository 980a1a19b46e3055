// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The head of a request from its text: request line and fields, strictly by the grammar. It does not look at what the
// target addresses, nor at Host: that is the gate's affair. Framing is in framing.ts.

import { SP, targetCharacter, tokenCharacter } from './characters.ts'
import { parseFields } from './fields.ts'
import type { HeadLimits } from './head-reader.ts'

export interface RequestStart {
  readonly method: string
  /** As received, any form. */
  readonly target: string
  /** Minor version of HTTP/1.x; what is above 1 is spoken to as 1. */
  readonly minor: 0 | 1
  readonly headers: string[]
}

/** Why there is no request: the code to refuse it with. */
export type RequestHeadFault =
  'request.malformed' | 'request.version' | 'request.uri-too-long' | 'request.headers-too-large'

/** Parses the text that a HeadReader cut out; a string is the reason why not. */
export function parseRequestHead(text: string, limits: HeadLimits): RequestStart | RequestHeadFault {
  const lineEnd = text.indexOf('\r\n')
  const fault = faultOfLine(text, lineEnd)
  if (fault !== null) return fault
  if (lineEnd > limits.startLineBytes) return 'request.uri-too-long'
  const methodEnd = text.indexOf(' ')
  const targetEnd = lineEnd - versionLength
  const headers: string[] = []
  const result = parseFields(text, lineEnd + 2, limits, headers)
  if (result !== 'complete') return result === 'malformed' ? 'request.malformed' : 'request.headers-too-large'
  return {
    method: text.slice(0, methodEnd),
    target: text.slice(methodEnd + 1, targetEnd),
    minor: text.charCodeAt(lineEnd - 1) === zero ? 0 : 1,
    headers,
  }
}

/** Whether these bytes can be a request line. A version that is none of ours is plausible: it has its own refusal. */
export function isRequestLine(line: string): boolean {
  return faultOfLine(line, line.length) !== 'request.malformed'
}

/** Length of ` HTTP/1.1`. */
const versionLength = 9
const zero = 48
const nine = 57

function faultOfLine(text: string, lineEnd: number): RequestHeadFault | null {
  let i = 0
  while (tokenCharacter[text.charCodeAt(i)] === 1) i++
  if (i === 0 || text.charCodeAt(i) !== SP) return 'request.malformed'
  const targetStart = ++i
  while (targetCharacter[text.charCodeAt(i)] === 1) i++
  // Exactly one space, a name in capitals, one digit on each side of the dot (RFC 9112 section 2.3).
  if (i === targetStart || i !== lineEnd - versionLength || !text.startsWith(' HTTP/', i)) return 'request.malformed'
  const major = text.charCodeAt(i + 6)
  const minor = text.charCodeAt(i + 8)
  if (!isDigit(major) || !isDigit(minor) || text.charCodeAt(i + 7) !== 46) return 'request.malformed'
  return major === 49 ? null : 'request.version'
}

function isDigit(code: number): boolean {
  return code >= zero && code <= nine
}
