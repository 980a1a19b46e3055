// HOT PATH — runs for every answer. Rules: docs/decisions/0004.
// The head of an answer as text: status line, the fields in the order in which they came, and what only this hop can
// say: framing, date, and whether the connection goes on.

import { STATUS_CODES } from 'node:http'
import type { RawHeaders } from '../core/raw-headers.ts'

/** A complete head in latin1. `length`: see Caller.answer; it and `date` are added where the fields have none. */
export function answerHead(
  status: number, reason: string, fields: RawHeaders, length: number | null, isChunked: boolean, closes: boolean,
  date: string,
): string {
  // HTTP/2 and what is made here have no words for it.
  const words = reason === '' ? STATUS_CODES[status] ?? '' : reason
  return completeHead(`HTTP/1.1 ${status} ${words}\r\n`, fields, length, isChunked, closes, date)
}

/** The same from a head that has begun: a status line, and perhaps fields, `date` not among them. */
export function completeHead(
  begun: string, fields: RawHeaders, length: number | null, isChunked: boolean, closes: boolean, date: string,
): string {
  let head = begun
  let hasDate = false
  let hasLength = false
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    if (name.length === 4 && name.toLowerCase() === 'date') hasDate = true
    else if (name.length === 14 && name.toLowerCase() === 'content-length') hasLength = true
    head += name + ': ' + (fields[i + 1] as string) + '\r\n'
  }
  if (!hasDate) head += 'date: ' + date + '\r\n'
  if (length !== null && length >= 0) {
    if (!hasLength) head += 'content-length: ' + length + '\r\n'
  } else if (isChunked) head += 'transfer-encoding: chunked\r\n'
  return closes ? head + 'connection: close\r\n\r\n' : head + '\r\n'
}
