// The values that hold: what the file says, defaults filled in from the schema, durations in ms and sizes in bytes, and
// of each value where it came from. What is invalid stays out, so that the checks between parts can run beside the
// others.

import type { Steps } from '../core/steps.ts'
import { isSecretKey, keyOf, child, pathOf } from './document.ts'
import type { ConfigurationDocument } from './document.ts'
import { formatQuantity, parseQuantity } from './quantity.ts'
import { absentText, branchFor, kindOf, namedChild } from './schema-node.ts'
import type { SchemaNode } from './schema-node.ts'

/** Where a value came from. */
export type Origin =
  | { readonly kind: 'default' }
  /** Written in the file. */
  | { readonly kind: 'file'; readonly file: string; readonly line: number }
  /** Written as a variable: `env NAME`, `file PATH`. */
  | { readonly kind: 'variable'; readonly names: readonly string[]; readonly file: string; readonly line: number }
  /** An option of the command line: `--observe`. */
  | { readonly kind: 'option'; readonly option: string }

export interface EffectiveValue {
  /** `routes[2].deadline.max`. */
  readonly path: string
  /** In the file's own spelling, `10s`; `***` for secrets and for whatever came from outside the file. */
  readonly shown: string
  readonly origin: Origin
}

/** Every effective value by JSON pointer, in the order of the schema. */
export type Origins = ReadonlyMap<string, EffectiveValue>

export interface Effective {
  readonly value: unknown
  readonly origins: Map<string, EffectiveValue>
}

/**
 * Fills in the whole document, each route a step of its own: they are what there are many of, and the last that is
 * filled in. `invalid`: pointers of values that must not be read.
 */
export function* effectiveOf(
  document: ConfigurationDocument, schema: SchemaNode, invalid: ReadonlySet<string>,
): Steps<Effective> {
  const filling = new Filling(document, invalid)
  const { origins } = filling
  const written = document.value as Readonly<Record<string, unknown>>
  const routes = kindOf(written) === 'object' ? written['routes'] : null
  if (!Array.isArray(routes) || invalid.has('') || invalid.has('/routes')) {
    return { value: filling.fill(schema, written, '', false), origins }
  }
  const value = filling.fill(schema, { ...written, routes: [] }, '', false) as Record<string, unknown>
  const items = schema.properties?.['routes']?.items ?? {}
  const filled: unknown[] = []
  for (const [i, route] of routes.entries()) {
    yield
    filled.push(filling.fill(items, route, child('/routes', i), false))
  }
  return { value: { ...value, routes: filled }, origins }
}

class Filling {
  readonly origins = new Map<string, EffectiveValue>()
  readonly #document: ConfigurationDocument
  readonly #invalid: ReadonlySet<string>

  constructor(document: ConfigurationDocument, invalid: ReadonlySet<string>) {
    this.#document = document
    this.#invalid = invalid
  }

  fill(schema: SchemaNode, value: unknown, pointer: string, isDefault: boolean): unknown {
    if (this.#invalid.has(pointer)) return undefined
    const branch = branchFor(schema, value)
    if (branch === null) return undefined
    if (branch.unit !== undefined) {
      const quantity = parseQuantity(branch.unit, value)
      if (quantity === null) return undefined
      this.#keep(pointer, formatQuantity(branch.unit, quantity), isDefault)
      return quantity
    }
    if (branch.type === 'object' && branch.additionalProperties === true) {
      // Taken as it is written; what stands in it may have come from outside the file.
      this.#keep(pointer, '{ … }', isDefault)
      return value
    }
    if (branch.type === 'object') return this.#fillObject(branch, value as Record<string, unknown>, pointer, isDefault)
    if (branch.items !== undefined && Array.isArray(value)) return this.#fillList(branch, value, pointer, isDefault)
    this.#keep(pointer, branch.secret === true ? '***' : value === '' ? 'none' : String(value), isDefault)
    return value
  }

  #fillObject(schema: SchemaNode, value: Record<string, unknown>, pointer: string, isDefault: boolean): unknown {
    const filled: Record<string, unknown> = {}
    if (!isDefault && Object.keys(value).length === 0) this.#keepEmpty(schema, pointer, false)
    const known = this.origins.size
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      const isWritten = Object.hasOwn(value, key)
      const at = child(pointer, key)
      if (!isWritten && property.default === undefined) {
        const absent = absentText(property)
        if (absent !== null) this.#keep(at, absent, true)
        continue
      }
      const result = this.fill(property, isWritten ? value[key] : property.default, at, isDefault || !isWritten)
      if (result !== undefined) filled[key] = result
    }
    for (const [key, inner] of Object.entries(schema.patternProperties === undefined ? {} : value)) {
      const property = namedChild(schema, key)
      if (property !== null) filled[key] = this.fill(property, inner, child(pointer, key), isDefault)
    }
    if (this.origins.size === known) this.#keepEmpty(schema, pointer, isDefault)
    return filled
  }

  /** Lists of plain values are one value to a reader; lists of objects are not. */
  #fillList(schema: SchemaNode, list: readonly unknown[], pointer: string, isDefault: boolean): unknown {
    const items = schema.items ?? {}
    if (items.type === 'object') return list.map((item, i) => this.fill(items, item, child(pointer, i), isDefault))
    const filled = list.map((item, i) => {
      if (this.#invalid.has(child(pointer, i))) return undefined
      return kindOf(item) === 'object' ? this.fill(items, item, child(pointer, i), isDefault) : item
    })
    if (list.some((item) => kindOf(item) === 'object')) return filled
    this.#keep(pointer, list.length === 0 ? 'none' : list.map(String).join(', '), isDefault)
    return filled
  }

  /** Where nothing is written inside, being there says something: a policy without a number is on all the same. */
  #keepEmpty(schema: SchemaNode, pointer: string, isDefault: boolean): void {
    this.#keep(pointer, schema.patternProperties === undefined ? 'on' : 'none', isDefault)
  }

  #keep(pointer: string, shown: string, isDefault: boolean): void {
    const document = this.#document
    const names = isDefault ? [] : document.variablesOf(pointer)
    const isSecret = names.length > 0 || (!isDefault && isSecretKey(keyOf(pointer)))
    this.origins.set(pointer, {
      path: pathOf(pointer), shown: isSecret ? '***' : shown, origin: this.#originOf(pointer, names, isDefault),
    })
  }

  #originOf(pointer: string, names: readonly string[], isDefault: boolean): Origin {
    if (isDefault) return { kind: 'default' }
    const place = { file: this.#document.source.file, line: this.#document.lineOf(pointer) }
    return names.length > 0 ? { kind: 'variable', names, ...place } : { kind: 'file', ...place }
  }
}

/** `default`, `routes[2].deadline.max (FILE:LINE)`, `env NAME (FILE:LINE)`, `--observe`. */
export function describeOrigin({ path, origin }: EffectiveValue): string {
  switch (origin.kind) {
    case 'default': return 'default'
    case 'option': return origin.option
    case 'file': return `${path} (${origin.file}:${origin.line})`
    case 'variable': return `${origin.names.join(', ')} (${origin.file}:${origin.line})`
  }
}
