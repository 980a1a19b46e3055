// HOT PATH — runs for every answer of an upstream. Rules: docs/decisions/0004.
// The head of an answer from its text: status line and fields. One object is read into again and again by the
// connection that owns it; only the list of fields is new each time. Framing is in framing.ts.

import { SP, valueCharacter } from './characters.ts'
import { parseFields } from './fields.ts'
import type { HeadLimits } from './head-reader.ts'

export class ResponseHead {
  /** 100 to 999. */
  status = 0
  /** As received; empty when there was none. */
  reason = ''
  /** Minor version of HTTP/1.x; what is above 1 is spoken to as 1. */
  minor: 0 | 1 = 1
  headers: string[] = []

  /** Reads the text that a HeadReader cut out; false: it is no head, or over its limits. */
  parse(text: string, limits: HeadLimits): boolean {
    const lineEnd = text.indexOf('\r\n')
    if (lineEnd > limits.startLineBytes || !isLine(text, lineEnd)) return false
    this.minor = text.charCodeAt(7) === zero ? 0 : 1
    this.status = statusAt(text)
    this.reason = lineEnd > reasonStart ? reasonOf(text, lineEnd) : ''
    this.headers = []
    return parseFields(text, lineEnd + 2, limits, this.headers) === 'complete'
  }
}

/** Whether these bytes can be a status line. */
export function isStatusLine(line: string): boolean {
  return isLine(line, line.length)
}

const zero = 48
const nine = 57
/** Index after `HTTP/1.1 200 `. */
const reasonStart = 13

function isLine(text: string, lineEnd: number): boolean {
  if (!text.startsWith('HTTP/1.') || text.charCodeAt(8) !== SP || lineEnd < reasonStart - 1) return false
  for (const at of [7, 9, 10, 11]) {
    const code = text.charCodeAt(at)
    if (code < zero || code > nine) return false
  }
  // A status line must have a space after the status even without a reason; many origins leave it out.
  if (text.charCodeAt(9) === zero || (lineEnd > reasonStart - 1 && text.charCodeAt(12) !== SP)) return false
  for (let i = reasonStart; i < lineEnd; i++) if (valueCharacter[text.charCodeAt(i)] !== 1) return false
  return true
}

function statusAt(text: string): number {
  return (text.charCodeAt(9) - zero) * 100 + (text.charCodeAt(10) - zero) * 10 + text.charCodeAt(11) - zero
}

function reasonOf(text: string, lineEnd: number): string {
  // Nearly every reason is this one; a constant spares a string.
  if (lineEnd === reasonStart + 2 && text.startsWith('OK', reasonStart)) return 'OK'
  return text.slice(reasonStart, lineEnd)
}
