// What makes two requests the same: method, target, type and body, and the fields a route names. A digest, never the
// bytes; with the way it was made in front, so that a changed configuration does not call old requests different.

import { hash } from 'node:crypto'
import { parseTree } from 'jsonc-parser'
import type { Node, ParseError } from 'jsonc-parser'
import type { RequestHead } from '../../core/caller.ts'
import { firstValue } from '../../core/raw-headers.ts'

/** The way of a route, as it stands in front of its fingerprints: `raw1` or `json1(x-merchant)`. */
export function wayOf(isJson: boolean, fields: readonly string[]): string {
  return `${isJson ? 'json1' : 'raw1'}${fields.length === 0 ? '' : `(${fields.join(' ')})`}`
}

const known = /^(raw1|json1)(?:\(([^)]*)\))?$/

/** The way another fingerprint was made; null: not one of ours. */
export function wayOfRecorded(fingerprint: string): string | null {
  const way = fingerprint.slice(0, fingerprint.indexOf(':'))
  return known.test(way) ? way : null
}

/** The fingerprint of a whole request, made that way. */
export function fingerprintOf(way: string, head: RequestHead, body: Uint8Array): string {
  const [, mode, names = ''] = known.exec(way) ?? []
  const bytes = mode === 'json1' ? canonicalJson(body) ?? body : body
  // Lengths in front: no two lists of parts give the same bytes. The body is last and needs none.
  let text = part(way) + part(head.method) + part(head.target) + part(mediaType(head))
  for (const name of names === '' ? [] : names.split(' ')) text += part(firstValue(head.headers, name) ?? '')
  return `${way}:${hash('sha256', Buffer.concat([Buffer.from(text, 'latin1'), bytes]), 'base64url')}`
}

function part(text: string): string { return `${text.length}:${text}` }

/** Essence and charset: a boundary or another parameter makes no other request. */
function mediaType({ headers }: RequestHead): string {
  const value = firstValue(headers, 'content-type')?.toLowerCase() ?? ''
  const [essence = '', ...parameters] = value.split(';').map((piece) => piece.trim())
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))
  return charset === undefined ? essence : `${essence};${charset.replaceAll('"', '')}`
}

/**
 * The document with sorted keys and no spaces, numbers as they were written: 1e400 and 2^53 are no doubles. Null for
 * what is no strict JSON, names a member twice, or is nested deeper than it can be read: then the bytes count.
 */
function canonicalJson(body: Uint8Array): Buffer | null {
  const text = Buffer.from(body).toString('utf8')
  try {
    const errors: ParseError[] = []
    const tree = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false })
    return tree === undefined || errors.length > 0 ? null : Buffer.from(written(tree, text), 'utf8')
  } catch {
    // Too deep, or a member twice.
    return null
  }
}

function written(node: Node, text: string): string {
  const children = node.children ?? []
  if (node.type === 'array') return `[${children.map((child) => written(child, text)).join(',')}]`
  if (node.type === 'string') return JSON.stringify(node.value)
  if (node.type !== 'object') return text.slice(node.offset, node.offset + node.length)
  const members = new Map<string, string>()
  for (const { children: [name, value] = [] } of children) {
    const isStrict = name !== undefined && value !== undefined && !members.has(name.value as string)
    if (!isStrict) throw new Error('no strict JSON')
    members.set(name.value as string, written(value, text))
  }
  const sorted = [...members].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${sorted.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
}
