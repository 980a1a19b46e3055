// The words of a fault: what a schema expects and what stands there instead, in one line each.

import { formats } from './formats.ts'
import { formatQuantity } from './quantity.ts'
import { branchesOf } from './schema-node.ts'
import type { SchemaNode } from './schema-node.ts'

/** What is shown of a value at most. */
const longestShown = 60

/** `a whole number from 1 to 65535`, `one of "enforce", "observe"`, `a duration such as "250ms" or …`. */
export function describeExpected(schema: SchemaNode): string {
  const branches = branchesOf(schema)
  if (branches.length > 1) {
    const words = [...new Set(branches.map(describeExpected))]
    return `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`
  }
  const [only = schema] = branches
  if (only.unit === 'duration') return 'a duration such as "250ms" or a number of milliseconds'
  if (only.unit === 'size') return 'a size such as "1MiB" or a number of bytes'
  if (only.const !== undefined) return JSON.stringify(only.const)
  if (only.enum !== undefined) return `one of ${only.enum.map((word) => JSON.stringify(word)).join(', ')}`
  if (only.format !== undefined) return formats[only.format]?.expected ?? 'text'
  return describeType(only)
}

function describeType(schema: SchemaNode): string {
  if (schema.type === 'integer') return `a whole number${describeRange(schema)}`
  if (schema.type === 'number') return `a number${describeRange(schema)}`
  return typeWords[schema.type ?? ''] ?? 'text in double quotes'
}

const typeWords: Readonly<Record<string, string>> = { boolean: 'true or false', array: 'a list', object: 'an object' }

/** ` from 1 to 10`, also for the bounds of quantities, in their own spelling. */
export function describeRange(schema: SchemaNode): string {
  const { unit } = schema
  const write = (bound: number): string => unit === undefined ? String(bound) : formatQuantity(unit, bound)
  const low = unit === undefined ? schema.minimum : schema.atLeast ?? 0
  const high = unit === undefined ? schema.maximum : schema.atMost
  if (schema.exclusiveMinimum !== undefined) {
    return ` above ${write(schema.exclusiveMinimum)}${high === undefined ? '' : `, at most ${write(high)}`}`
  }
  return `${low === undefined ? '' : ` from ${write(low)}`}${high === undefined ? '' : ` to ${write(high)}`}`
}

/** A value as a fault shows it: short, on one line. */
export function describeGot(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object' && value !== null) {
    return Object.keys(value).length === 0 ? 'an empty object' : 'an object'
  }
  // JSON has no word for it: 1e400 would be shown as null.
  if (value === Infinity || value === -Infinity) return 'a number that is too large'
  const text = withoutCredentials(JSON.stringify(value) ?? typeof value)
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text
}

/** An example of the schema's own, for the fix line; null where it has none. */
export function exampleOf(schema: SchemaNode): string | null {
  const example = schema.examples?.[0] ?? (typeof schema.default === 'object' ? undefined : schema.default)
    ?? branchesOf(schema).flatMap((branch) => branch === schema ? [] : branch.examples ?? [])[0]
  if (example !== undefined) return JSON.stringify(example)
  if (schema.enum !== undefined) return JSON.stringify(schema.enum[0])
  if (schema.unit === 'duration') return '"250ms"'
  return schema.unit === 'size' ? '"1MiB"' : null
}

/** `http://user:password@host` with as many stars, so that columns stay. */
export function withoutCredentials(text: string): string {
  return text.replace(/:\/\/[^/\s"@]+@/g, (credentials) => `://${'*'.repeat(credentials.length - 4)}@`)
}
