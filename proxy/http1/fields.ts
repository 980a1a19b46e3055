// HOT PATH — runs for every head in both directions. Rules: docs/decisions/0004.
// Field lines as text into a flat raw list: strict, because two readers that repair the same bytes differently are what
// request smuggling is made of. It knows no field's meaning. Heads and trailer sections share it.

import { COLON, CR, LF, SP, TAB, tokenCharacter, valueCharacter } from './characters.ts'

/** 'too-large': more fields, or a longer one, than the limits allow. */
export type FieldsResult = 'complete' | 'malformed' | 'too-large'

export interface FieldLimits {
  readonly fieldCount: number
  /** Bytes of one field line without its CRLF. */
  readonly fieldBytes: number
}

/**
 * Parses the field lines of `text` (bytes as latin1) from `start` to its end into `into` as name, value, …. Each line
 * must end with CRLF; `text` holds no empty line. Names and order are kept; white space around values is not. On
 * anything but 'complete', `into` holds what came before.
 */
export function parseFields(text: string, start: number, limits: FieldLimits, into: string[]): FieldsResult {
  const end = text.length
  const mostParts = into.length + limits.fieldCount * 2
  let at = start
  while (at < end) {
    let i = at
    while (tokenCharacter[text.charCodeAt(i)] === 1) i++
    // Covers an empty name, a folded line (it begins with white space), and white space before the colon.
    if (i === at || text.charCodeAt(i) !== COLON) return 'malformed'
    const name = text.slice(at, i)
    i++
    let code = text.charCodeAt(i)
    while (code === SP || code === TAB) code = text.charCodeAt(++i)
    const valueStart = i
    while (valueCharacter[code] === 1) code = text.charCodeAt(++i)
    if (code !== CR || text.charCodeAt(i + 1) !== LF) return 'malformed'
    let valueEnd = i
    while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--
    if (i - at > limits.fieldBytes || into.length >= mostParts) return 'too-large'
    into.push(name, text.slice(valueStart, valueEnd))
    at = i + 2
  }
  return 'complete'
}

function isBlank(code: number): boolean {
  return code === SP || code === TAB
}
