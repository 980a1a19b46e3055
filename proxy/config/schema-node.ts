// A JSON Schema as this loader reads it: the few keywords that the configuration's schema uses, and the walk from a
// schema to those of its children. Values are checked by ajv, never here.

import type { Unit } from './quantity.ts'

export interface SchemaNode {
  readonly type?: string
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>
  readonly additionalProperties?: boolean
  readonly required?: readonly string[]
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly minItems?: number
  readonly minProperties?: number
  readonly uniqueItems?: boolean
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  /** Of this project: the value is a duration or a size, bounded in ms or bytes. */
  readonly unit?: Unit
  readonly atLeast?: number
  readonly atMost?: number
  /** Of this project: the value is never shown. */
  readonly secret?: boolean
}

/** What holds where nothing is written and there is no default: its description says so, as `Absent: …`. */
export function absentText(schema: SchemaNode): string | null {
  return /\bAbsent: ([^.]+(?:\.[^ .][^.]*)*)/.exec(schema.description ?? '')?.[1] ?? null
}

/** The alternatives a schema offers; itself where it offers none. A quantity counts as one. */
export function branchesOf(schema: SchemaNode): readonly SchemaNode[] {
  return schema.anyOf === undefined || schema.unit !== undefined ? [schema] : schema.anyOf.flatMap(branchesOf)
}

/** What the values under `key` (or at any index, for a list) are described by; empty where the key is not known. */
export function childrenOf(schemas: readonly SchemaNode[], key: string): readonly SchemaNode[] {
  return schemas.flatMap(branchesOf).flatMap((schema) => {
    if (schema.items !== undefined) return [schema.items]
    const named = namedChild(schema, key)
    return named === null ? [] : [named]
  })
}

/** The schema of one key of an object; null where the key is not known. */
export function namedChild(schema: SchemaNode, key: string): SchemaNode | null {
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, key)) return schema.properties[key] ?? null
  for (const [pattern, child] of Object.entries(schema.patternProperties ?? {})) {
    if (new RegExp(pattern, 'u').test(key)) return child
  }
  return null
}

/** The one alternative that a value belongs to; null where there is none. */
export function branchFor(schema: SchemaNode, value: unknown): SchemaNode | null {
  const branches = branchesOf(schema)
  if (branches.length === 1) return branches[0] ?? null
  return branches.find((branch) => belongsTo(branch, value)) ?? null
}

function belongsTo(schema: SchemaNode, value: unknown): boolean {
  if (schema.const !== undefined) return schema.const === value
  if (schema.enum !== undefined) return schema.enum.includes(value)
  if (schema.unit !== undefined) return typeof value === 'number' || typeof value === 'string'
  if (schema.type === 'integer') return typeof value === 'number'
  return schema.type === kindOf(value)
}

/** JSON's name for the kind of a value. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}
