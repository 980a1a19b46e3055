// HOT PATH — runs for every answer. Rules: docs/decisions/0004.
// What undici says of an answer's head, in our types: raw fields as text, and how its body
// is framed. It strips nothing.

import type { RawHeaders } from '../core/raw-headers.ts'

const noFields: RawHeaders = []

/** Undici's raw fields (buffers in turn) as a flat list of byte strings. */
export function textOf(raw: unknown): RawHeaders {
  if (!Array.isArray(raw) || raw.length === 0) return noFields
  const fields: string[] = []
  for (const part of raw as (Buffer | string)[]) {
    const text = typeof part === 'string' ? part : part.toString('latin1')
    // The parser leaves a tab at the end of a value where it is.
    fields.push(text.endsWith('\t') ? text.trimEnd() : text)
  }
  return fields
}

/** Beyond latin1 there are no bytes to send. */
const unsendable = /[\u0100-\uffff]/

/** The reason phrase, or none: undici reads it as UTF-8, and what was not UTF-8 is lost by then. */
export function reasonOf(text: string | undefined): string {
  return text === undefined || unsendable.test(text) ? '' : text
}

/** Whether an answer of this status to this method has no body by rule (RFC 9112 section 6.3). */
export function hasNoBody(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304
}

/** More fields than this in one head are no answer but an attack. */
const maxFields = 1000

/**
 * Bytes of the body that follows this head; -1 when only its end will tell; null when the head is not to be believed:
 * any coding but `chunked` alone, a length beyond exact numbers, more fields than any answer has.
 */
export function bodyLengthOf(headers: RawHeaders): number | null {
  if (headers.length > 2 * maxFields) return null
  let length = -1
  let isChunked = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length === 14 && name.toLowerCase() === 'content-length') length = Number(headers[i + 1])
    else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      if (isChunked || (headers[i + 1] as string).toLowerCase() !== 'chunked') return null
      isChunked = true
    }
  }
  if (isChunked) return -1
  return Number.isSafeInteger(length) ? length : null
}
