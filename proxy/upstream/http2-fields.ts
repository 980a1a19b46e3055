// HOT PATH — runs for every attempt over HTTP/2. Rules: docs/decisions/0004.
// Heads between the two protocols: ours, which is built as HTTP/1.1, into fields of HTTP/2, and what came as those into
// an answer. It decides nothing of what travels: request-head.ts has done that.

import type { RawHeaders } from '../core/raw-headers.ts'
import { isForbiddenTrailer } from '../http1/body-writer.ts'
import { tokenCharacter, valueCharacter } from '../http1/characters.ts'

/** Fields that only HTTP/1.1 has (RFC 9113 section 8.2.2). The head may hold them for the hop it was built for. */
const ofHttp1Alone: ReadonlySet<string> = new Set([
  'host', 'connection', 'transfer-encoding', 'keep-alive', 'proxy-connection', 'upgrade', 'http2-settings',
])

/** The fields of a request from its head as it would go out over HTTP/1.1. */
export function requestFields(head: string, isSecure: boolean): string[] {
  const lines = head.split('\r\n')
  const [method = '', target = ''] = (lines[0] as string).split(' ', 2)
  const fields = [':method', method, ':scheme', isSecure ? 'https' : 'http', ':authority', '', ':path', target]
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] as string
    const colon = line.indexOf(':')
    if (colon < 1) continue
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 2)
    if (!ofHttp1Alone.has(name)) fields.push(name, value)
    else if (name === 'host') fields[5] = value
  }
  return fields
}

/** The head of an answer, final or interim. */
export interface AnswerFields {
  readonly status: number
  readonly headers: RawHeaders
  /** Of the body, bytes; -1 when nothing is announced. */
  readonly length: number
}

/** Takes fields apart that nghttp2 has let through: the status stands first, and names are in small letters. */
export function answerOf(fields: RawHeaders): AnswerFields {
  const headers: string[] = []
  let status = 0
  let length = -1
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    const value = fields[i + 1] as string
    if (name === ':status') status = Number(value)
    else if (!name.startsWith(':')) headers.push(name, value)
    if (name === 'content-length') length = Number(value)
  }
  return { status, headers, length }
}

/** Bytes of fields as their names and values have them. */
export function bytesOf(fields: RawHeaders): number {
  let bytes = 0
  for (const part of fields) bytes += part.length
  return bytes
}

/** The trailers that may travel (RFC 9110 section 6.5.1), as node takes them. */
export function trailersByName(trailers: RawHeaders | null): Record<string, string | string[]> {
  const byName = Object.create(null) as Record<string, string | string[]>
  const given = trailers ?? []
  for (let i = 0; i < given.length; i += 2) {
    const name = (given[i] as string).toLowerCase()
    const value = given[i + 1] as string
    if (isForbiddenTrailer(name) || !every(name, tokenCharacter) || !every(value, valueCharacter)) continue
    const earlier = byName[name]
    byName[name] = earlier === undefined ? value : [earlier, value].flat()
  }
  return byName
}

function every(text: string, table: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (table[text.charCodeAt(i)] !== 1) return false
  return text !== '' || table === valueCharacter
}
