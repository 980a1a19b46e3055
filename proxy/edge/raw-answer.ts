// Answers on a bare socket, where node has no response object to offer: heads that no parser would take, CONNECT, and
// refused upgrades. Each of them is the last of its connection.

import type { Code } from '../core/codes.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { notProcessed, refusalFields, refusalOf } from './refusals.ts'

/** The bytes of a refusal with `connection: close`, for `wallMs` ms since 1970. */
export function rawRefusal(
  code: Code, requestId: string, retryAfterS: number, wallMs: number, own?: RawHeaders,
): Buffer {
  const refusal = refusalOf(code)
  const fields = refusalFields(refusal, requestId, retryAfterS, own)
  return Buffer.concat([Buffer.from(rawHead(refusal.status, refusal.reason, fields, wallMs), 'latin1'), refusal.body])
}

/** The same of what never became a request. */
export function headRefusal(code: Code, wallMs: number): Buffer {
  return rawRefusal(code, '', 0, wallMs, notProcessed)
}

/** A complete head in latin1 that closes the connection; a Date is added where there is none. */
export function rawHead(status: number, reason: string, fields: RawHeaders, wallMs: number): string {
  let head = `HTTP/1.1 ${status} ${reason}\r\n`
  let hasDate = false
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    if (name.length === 4 && name.toLowerCase() === 'date') hasDate = true
    head += `${name}: ${fields[i + 1]}\r\n`
  }
  if (!hasDate) head += `date: ${new Date(wallMs).toUTCString()}\r\n`
  return `${head}connection: close\r\n\r\n`
}
