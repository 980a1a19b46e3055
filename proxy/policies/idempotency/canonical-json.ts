// JSON by its meaning: the same document for every order of members and all spaces between. Only for comparing; nothing
// written here is ever sent.

import { parseTree } from 'jsonc-parser'
import type { Node, ParseError } from 'jsonc-parser'

/**
 * The document with sorted keys and no spaces, numbers as they were written: 1e400 and 2^53 are no doubles. Null for
 * what is no strict JSON, names a member twice, or is nested deeper than it can be read: then the bytes count.
 */
export function canonicalJson(body: Uint8Array): Buffer | null {
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
