// What makes two requests the same: method, target, type and body, and the fields a route names. Digests, never the
// bytes; with the way they were made in front, so that a changed configuration does not call old requests different.

import { hash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import type { RequestHead } from '../../core/caller.ts'
import { firstValue } from '../../core/raw-headers.ts'
import { canonicalJson } from './canonical-json.ts'
import type { MemberPath } from './canonical-json.ts'
import { boundaryOf, canonicalMultipart } from './multipart-body.ts'

/** The way of a route, as it stands in front of its fingerprints: `raw2` or `json2(x-merchant)[$.sent_at $.id]`. */
export function wayOf(isJson: boolean, fields: readonly string[], excluded: readonly string[] = []): string {
  const [named, left] = [fields.join(' '), excluded.join(' ')]
  return `${isJson ? 'json2' : 'raw2'}${named === '' ? '' : `(${named})`}${left === '' ? '' : `[${left}]`}`
}

/** The first of them took multipart and zipped bodies as bytes, and did not say what differs. */
const known = /^(raw|json)([12])(?:\(([^)]*)\))?(?:\[([^\]]*)\])?$/

/** The way another fingerprint was made; null: not one of ours. */
export function wayOfRecorded(fingerprint: string): string | null {
  const way = fingerprint.slice(0, fingerprint.indexOf(':'))
  return known.test(way) ? way : null
}

interface Way {
  readonly isJson: boolean
  readonly isFirst: boolean
  readonly fields: readonly string[]
  readonly excluded: readonly MemberPath[]
}

function wayFrom(way: string): Way {
  const [, mode, version, names = '', paths = ''] = known.exec(way) ?? []
  // Behind `$.`.
  const excluded = paths === '' ? [] : paths.split(' ').map((path) => path.slice(2).split('.'))
  return { isJson: mode === 'json', isFirst: version === '1', fields: names === '' ? [] : names.split(' '), excluded }
}

/** The fingerprint of a whole request, made that way: `WAY:METHOD.target.type.fields.whole`. */
export function fingerprintOf(way: string, head: RequestHead, body: Uint8Array): string {
  const { isJson, isFirst, fields: names, excluded } = ways.of(way)
  // Lengths in front: no two lists of parts give the same bytes. The body is last and needs none.
  const type = mediaTypes.of(firstValue(head.headers, 'content-type') ?? '')
  let fields = ''
  for (const name of names) fields += part(firstValue(head.headers, name) ?? '')
  const start = part(way) + part(head.method) + part(head.target) + part(type) + fields
  if (isFirst) return `${way}:${digestOf(start, isJson ? canonicalJson(body) ?? body : body)}`
  const { form, bytes } = meaningOf(head, body, isJson ? excluded : null)
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

/** Where start and body are put together when they are small: what is hashed is needed no longer than that. */
const scratch = Buffer.alloc(16 * 1024)

function digestOf(start: string, body: Uint8Array): string {
  const length = start.length + body.length
  const bytes = length <= scratch.length ? scratch.subarray(0, length) : Buffer.allocUnsafe(length)
  bytes.write(start, 0, 'latin1')
  bytes.set(body, start.length)
  return hash('sha256', bytes, 'base64url')
}

/** What is made of a text. Callers of one route send the same again and again: the last is kept. */
class Last<T> {
  readonly #make: (text: string) => T
  #text: string | null = null
  #made: T | null = null

  constructor(make: (text: string) => T) { this.#make = make }

  of(text: string): T {
    if (text !== this.#text) {
      this.#made = this.#make(text)
      this.#text = text
    }
    return this.#made as T
  }
}

/** Only to say what differs. */
function shortDigestOf(text: string): string {
  return text === '' ? '' : hash('sha256', Buffer.from(text, 'latin1'), 'base64url').slice(0, 6)
}

const [targets, types, fieldLists] = [new Last(shortDigestOf), new Last(shortDigestOf), new Last(shortDigestOf)]
const mediaTypes = new Last(mediaTypeOf)
const ways = new Last(wayFrom)

/** Essence and charset: a boundary or another parameter makes no other request. */
function mediaTypeOf(contentType: string): string {
  const value = contentType.toLowerCase()
  const [essence = '', ...parameters] = value.split(';').map((piece) => piece.trim())
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))
  return charset === undefined ? essence : `${essence};${charset.replaceAll('"', '')}`
}

interface Meaning {
  readonly form: 'bytes' | 'json' | 'multipart'
  readonly bytes: Uint8Array
}

/**
 * What counts of a body: not when it was zipped, not the boundary between its parts, and of JSON what it means, without
 * the members that are `excluded`; null: JSON is bytes.
 */
function meaningOf({ headers }: RequestHead, body: Uint8Array, excluded: readonly MemberPath[] | null): Meaning {
  const plain = isZipped(firstValue(headers, 'content-encoding')) ? unzipped(body) ?? body : body
  const boundary = boundaryOf(firstValue(headers, 'content-type') ?? '')
  if (boundary !== null) {
    const parts = canonicalMultipart(plain, boundary)
    if (parts !== null) return { form: 'multipart', bytes: parts }
  }
  const json = excluded === null ? null : canonicalJson(plain, excluded)
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
