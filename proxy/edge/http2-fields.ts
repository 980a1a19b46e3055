// HOT PATH — runs for every answer over HTTP/2. Rules: docs/decisions/0004.
// Fields of answers in the forms that node's HTTP/2 takes: names in small letters, the status in front, and nothing in
// it that only HTTP/1.1 has.

import { isHopByHop, nominated } from '../core/hop-by-hop.ts'
import { firstValue } from '../core/raw-headers.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { isForbiddenTrailer } from '../http1/body-writer.ts'
import { isFieldName, isFieldValue } from './http2-gate.ts'

/** The head of a final answer; `length` and `date` are added where the fields have none. See Caller.answer. */
export function answerFields(status: number, fields: RawHeaders, length: number | null, date: string): string[] {
  const head: string[] = [':status', String(status)]
  let hasDate = false
  let hasLength = false
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] as string).toLowerCase()
    if (name === 'date') hasDate = true
    else if (name === 'content-length') hasLength = true
    else if (isHopByHop(name)) continue
    head.push(name, fields[i + 1] as string)
  }
  if (!hasDate) head.push('date', date)
  if (!hasLength && length !== null && length >= 0) head.push('content-length', String(length))
  return head
}

/** Fields by name, as node takes those of interim answers and trailers. */
export type FieldsByName = Record<string, string | string[]>

/** The head of an interim answer; fields that end at this hop are left out. */
export function interimFields(status: number, fields: RawHeaders): FieldsByName {
  const named = nominated(fields)
  const byName: FieldsByName = Object.assign(Object.create(null) as FieldsByName, { ':status': String(status) })
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] as string).toLowerCase()
    if (name !== 'content-length' && !isHopByHop(name) && !named.has(name)) add(byName, name, fields[i + 1] as string)
  }
  return byName
}

/** The trailers that may travel (RFC 9110 section 6.5.1). */
export function trailerFields(trailers: RawHeaders | null): FieldsByName {
  const byName = Object.create(null) as FieldsByName
  const given = trailers ?? []
  for (let i = 0; i < given.length; i += 2) {
    const name = (given[i] as string).toLowerCase()
    if (!isForbiddenTrailer(name)) add(byName, name, given[i + 1] as string)
  }
  return byName
}

/** Whether the trailers of a request are what they may be; which of them travel on is decided where they are sent. */
export function areTrailers(trailers: RawHeaders, mostCount: number, mostBytes: number): boolean {
  let bytes = 0
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i] as string
    const value = trailers[i + 1] as string
    bytes += name.length + value.length + 4
    if (!isFieldName(name) || !isFieldValue(value)) return false
  }
  return trailers.length <= mostCount * 2 && bytes <= mostBytes
}

/** Whether the caller takes trailers. The gate lets no other `te` through. */
export function takesTrailers(headers: RawHeaders): boolean {
  return firstValue(headers, 'te') !== undefined
}

function add(byName: FieldsByName, name: string, value: string): void {
  if (!isFieldName(name) || !isFieldValue(value)) return
  const earlier = byName[name]
  if (earlier === undefined) byName[name] = value
  else byName[name] = Array.isArray(earlier) ? [...earlier, value] : [earlier, value]
}
