// JSON by its meaning: the same document for every order of members and all spaces between. Only for comparing; nothing
// written here is ever sent.

import { parseTree } from 'jsonc-parser'
import type { Node, ParseError } from 'jsonc-parser'

/** Steps to a member: names, through every element of the arrays between. */
export type MemberPath = readonly string[]

/**
 * The document with sorted keys and no spaces, without the members at `excluded`, numbers as they were written: 1e400
 * and 2^53 are no doubles. Null for what is no strict JSON, names a member twice, or is nested deeper than it can be
 * read: then the bytes count.
 */
export function canonicalJson(body: Uint8Array, excluded: readonly MemberPath[] = []): Buffer | null {
  const text = Buffer.from(body).toString('utf8')
  try {
    const errors: ParseError[] = []
    const tree = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false })
    return tree === undefined || errors.length > 0 ? null : Buffer.from(written(tree, text, excluded), 'utf8')
  } catch {
    // Too deep, or a member twice.
    return null
  }
}

function written(node: Node, text: string, excluded: readonly MemberPath[]): string {
  const children = node.children ?? []
  if (node.type === 'array') return `[${children.map((child) => written(child, text, excluded)).join(',')}]`
  if (node.type === 'string') return JSON.stringify(node.value)
  if (node.type !== 'object') return text.slice(node.offset, node.offset + node.length)
  const members = new Map<string, string>()
  for (const { children: [name, value] = [] } of children) {
    const isStrict = name !== undefined && value !== undefined && !members.has(name.value as string)
    if (!isStrict) throw new Error('no strict JSON')
    members.set(name.value as string, written(value, text, below(excluded, name.value as string)))
  }
  for (const [name = '', ...more] of excluded) if (more.length === 0) members.delete(name)
  const sorted = [...members].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${sorted.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
}

/** What is left of the paths that go through that member. */
function below(excluded: readonly MemberPath[], name: string): readonly MemberPath[] {
  return excluded.length === 0 ? excluded : excluded.filter((path) => path[0] === name).map((path) => path.slice(1))
}
