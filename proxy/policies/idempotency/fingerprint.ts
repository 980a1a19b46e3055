// What makes two requests the same: method, target, type and body, and the fields a route names. Digests, never the
// bytes; with the way they were made in front, so that a changed configuration does not call old requests different.

import { hash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import type { RequestHead } from '../../core/caller.ts'
import { firstValue } from '../../core/raw-headers.ts'
import { canonicalJson } from './canonical-json.ts'
import { boundaryOf, canonicalMultipart } from './multipart-body.ts'

/** The way of a route, as it stands in front of its fingerprints: `raw2` or `json2(x-merchant)`. */
export function wayOf(isJson: boolean, fields: readonly string[]): string {
  return `${isJson ? 'json2' : 'raw2'}${fields.length === 0 ? '' : `(${fields.join(' ')})`}`
}

/** The first of them took multipart and zipped bodies as bytes, and did not say what differs. */
const known = /^(raw|json)([12])(?:\(([^)]*)\))?$/

/** The way another fingerprint was made; null: not one of ours. */
export function wayOfRecorded(fingerprint: string): string | null {
  const way = fingerprint.slice(0, fingerprint.indexOf(':'))
  return known.test(way) ? way : null
}

/** The fingerprint of a whole request, made that way: `WAY:METHOD.target.type.fields.whole`. */
export function fingerprintOf(way: string, head: RequestHead, body: Uint8Array): string {
  const [, mode, version, names = ''] = known.exec(way) ?? []
  // Lengths in front: no two lists of parts give the same bytes. The body is last and needs none.
  const type = mediaType(head)
  let fields = ''
  for (const name of names === '' ? [] : names.split(' ')) fields += part(firstValue(head.headers, name) ?? '')
  const start = part(way) + part(head.method) + part(head.target) + part(type) + fields
  if (version === '1') return `${way}:${digestOf(start, mode === 'json' ? canonicalJson(body) ?? body : body)}`
  const { form, bytes } = meaningOf(head, body, mode === 'json')
  const whole = digestOf(start + part(form), bytes)
  return `${way}:${head.method}.${targets.of(head.target)}.${types.of(type)}.${fieldLists.of(fields)}.${whole}`
}

/** Parts of a request, as they are named to its caller. */
const partNames = ['method', 'path', 'content-type', 'headers'] as const
export type PartName = (typeof partNames)[number] | 'body'

/** In what two fingerprints of one way differ, as far as they tell: of a body only when all else is the same. */
export function differencesOf(one: string, other: string): readonly PartName[] {
  const [mine, theirs] = [one, other].map((text) => text.slice(text.indexOf(':') + 1).split('.'))
  if (mine === undefined || theirs === undefined || mine.length <= partNames.length) return []
  const differing: PartName[] = partNames.filter((_, i) => mine[i] !== theirs[i])
  return differing.length === 0 ? ['body'] : differing
}

function part(text: string): string { return `${text.length}:${text}` }

function digestOf(start: string, body: Uint8Array): string {
  return hash('sha256', Buffer.concat([Buffer.from(start, 'latin1'), body]), 'base64url')
}

/** Short digests, only to say what differs. Callers of one route send the same again and again: the last is kept. */
class LastDigest {
  #text = ''
  #digest = ''

  of(text: string): string {
    if (text === '') return ''
    if (text !== this.#text) {
      this.#text = text
      this.#digest = hash('sha256', Buffer.from(text, 'latin1'), 'base64url').slice(0, 6)
    }
    return this.#digest
  }
}

const [targets, types, fieldLists] = [new LastDigest(), new LastDigest(), new LastDigest()]

/** Essence and charset: a boundary or another parameter makes no other request. */
function mediaType({ headers }: RequestHead): string {
  const value = firstValue(headers, 'content-type')?.toLowerCase() ?? ''
  const [essence = '', ...parameters] = value.split(';').map((piece) => piece.trim())
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))
  return charset === undefined ? essence : `${essence};${charset.replaceAll('"', '')}`
}

interface Meaning {
  readonly form: 'bytes' | 'json' | 'multipart'
  readonly bytes: Uint8Array
}

/** What counts of a body: not when it was zipped, not the boundary between its parts, and of JSON what it means. */
function meaningOf({ headers }: RequestHead, body: Uint8Array, isJson: boolean): Meaning {
  const plain = isZipped(firstValue(headers, 'content-encoding')) ? unzipped(body) ?? body : body
  const boundary = boundaryOf(firstValue(headers, 'content-type') ?? '')
  if (boundary !== null) {
    const parts = canonicalMultipart(plain, boundary)
    if (parts !== null) return { form: 'multipart', bytes: parts }
  }
  const json = isJson ? canonicalJson(plain) : null
  return json === null ? { form: 'bytes', bytes: plain } : { form: 'json', bytes: json }
}

function isZipped(coding: string | undefined): boolean {
  return coding !== undefined && /^(?:x-)?gzip$/i.test(coding.trim())
}

/** A zipped body says when it was zipped; its content does not. Beyond these bounds the bytes count. */
const maxUnzippedBytes = 4 * 1_048_576
const maxRatio = 50

/** Null: no gzip, or so much of so little that it is none to be unpacked in passing. */
function unzipped(body: Uint8Array): Uint8Array | null {
  try {
    return gunzipSync(body, { maxOutputLength: Math.max(1, Math.min(maxUnzippedBytes, body.length * maxRatio)) })
  } catch {
    // Broken, or larger than that.
    return null
  }
}
