// HOT PATH — runs for every answer. Rules: docs/decisions/0004.
// What undici says of an answer's head, in our types: raw fields as text, and how its body is framed. It strips nothing.

import { firstValue } from '../core/raw-headers.ts'
import type { RawHeaders } from '../core/raw-headers.ts'

const noFields: RawHeaders = []

/** Undici's raw fields (buffers in turn) as a flat list of byte strings. */
export function textOf(raw: unknown): RawHeaders {
  if (!Array.isArray(raw) || raw.length === 0) return noFields
  const fields: string[] = []
  for (const part of raw as (Buffer | string)[]) fields.push(typeof part === 'string' ? part : part.toString('latin1'))
  return fields
}

/** Whether an answer of this status to this method has no body by rule (RFC 9112 section 6.3). */
export function hasNoBody(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304
}

/** Bytes of the body that follows this head; -1 when only its end will tell. */
export function bodyLengthOf(headers: RawHeaders): number {
  if (firstValue(headers, 'transfer-encoding') !== undefined) return -1
  const length = firstValue(headers, 'content-length')
  return length === undefined ? -1 : Number(length)
}
