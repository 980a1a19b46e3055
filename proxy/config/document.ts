// A configuration as it was written, with its variables looked up: every value by its JSON pointer, with the place of
// its key and of itself in the text. Whether the values are right is for others to say.

import type { Node } from 'jsonc-parser'
import { faultAt } from './fault.ts'
import type { Fault, Finding } from './fault.ts'
import { interpolate } from './interpolate.ts'
import type { Variables } from './interpolate.ts'
import { branchesOf, childrenOf } from './schema-node.ts'
import type { SchemaNode } from './schema-node.ts'
import type { Source, Span } from './source.ts'

/** Keys through which an object's behaviour could be changed. They are never copied. */
const forbiddenKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** Values under such keys are never shown, however they came into the file. */
const secretKey = /token|secret|password|authorization|cookie|api-?key/i

/** Shorter values are ports and flags: to mask them inside sentences would take the sentences apart. */
const shortestSecret = 4

export class ConfigurationDocument {
  readonly source: Source
  readonly value: unknown
  readonly faults: readonly Fault[]
  /** Pointers of values that could not be made, for instance of an unset variable. */
  readonly broken: ReadonlySet<string>
  readonly #values: ReadonlyMap<string, Span>
  readonly #keys: ReadonlyMap<string, Span>
  readonly #origins: ReadonlyMap<string, readonly string[]>
  readonly #secrets: readonly string[]

  constructor(source: Source, root: Node, schema: SchemaNode, variables: Variables) {
    const reading = new Reading(source, variables)
    this.source = source
    this.value = reading.read(root, '', [schema])
    this.faults = reading.faults
    this.broken = reading.broken
    this.#values = reading.values
    this.#keys = reading.keys
    this.#origins = reading.origins
    this.#secrets = [...reading.secrets].toSorted((a, b) => b.length - a.length)
  }

  /** Where the value stands, or the nearest value around it that is written. */
  spanOf(pointer: string): Span {
    for (let at = pointer; ; at = parentOf(at)) {
      const span = this.#values.get(at)
      if (span !== undefined || at === '') return span ?? { offset: 0, length: 1 }
    }
  }

  /** Where the key stands; for a value that has none, the value itself. */
  keySpanOf(pointer: string): Span { return this.#keys.get(pointer) ?? this.spanOf(pointer) }

  has(pointer: string): boolean { return this.#values.has(pointer) }

  lineOf(pointer: string): number { return this.source.placeOf(this.keySpanOf(pointer).offset).line }

  /** `env NAME` and `file PATH` of a value, or of the elements of a list. */
  variablesOf(pointer: string): readonly string[] { return this.#origins.get(pointer) ?? [] }

  /** Whether showing the value would show a secret: it came from outside the file, or its key says so. */
  isSecret(pointer: string): boolean {
    return this.variablesOf(pointer).length > 0 || isSecretKey(keyOf(pointer))
  }

  /** A finding at a value (an object shows its first character only). */
  faultAt(pointer: string, finding: Finding): Fault {
    const span = this.spanOf(pointer)
    const isContainer = /[[{]/.test(this.source.text[span.offset] ?? '')
    return faultAt(this.source, isContainer ? { ...span, length: 1 } : span, this.#masked(pointer, finding))
  }

  faultAtKey(pointer: string, finding: Finding): Fault {
    return faultAt(this.source, this.keySpanOf(pointer), this.#masked(pointer, finding))
  }

  /** Nothing that came from outside the file is said, neither as the value itself nor inside another sentence. */
  #masked(pointer: string, finding: Finding): Finding {
    const { code, message, expected, got, fix } = finding
    const mask = (text: string): string => this.#secrets.reduce((now, secret) => now.replaceAll(secret, '***'), text)
    return {
      code, message: mask(message), fix: mask(fix),
      ...(expected === undefined ? {} : { expected: mask(expected) }),
      ...(got === undefined ? {} : { got: this.isSecret(pointer) ? '***' : mask(got) }),
    }
  }
}

export function isSecretKey(key: string): boolean { return secretKey.test(key) }

/** `/routes/2/deadline` from its parts. */
export function child(pointer: string, key: string | number): string {
  const text = String(key)
  const isPlain = !text.includes('~') && !text.includes('/')
  return `${pointer}/${isPlain ? text : text.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

export function parentOf(pointer: string): string { return pointer.slice(0, Math.max(0, pointer.lastIndexOf('/'))) }

/** The last key of a pointer. */
export function keyOf(pointer: string): string {
  const key = pointer.slice(pointer.lastIndexOf('/') + 1)
  return key.includes('~') ? key.replaceAll('~1', '/').replaceAll('~0', '~') : key
}

/** `routes[2].deadline`, as people write it; the whole file is `the file`. */
export function pathOf(pointer: string): string {
  if (pointer === '') return 'the file'
  return pointer.split('/').slice(1).map((part, i) => {
    const key = keyOf(`/${part}`)
    return /^[0-9]+$/.test(key) ? `[${key}]` : `${i === 0 ? '' : '.'}${key}`
  }).join('')
}

/** One pass over the tree. */
class Reading {
  readonly faults: Fault[] = []
  readonly broken = new Set<string>()
  readonly values = new Map<string, Span>()
  readonly keys = new Map<string, Span>()
  readonly origins = new Map<string, readonly string[]>()
  readonly secrets = new Set<string>()
  readonly #source: Source
  readonly #variables: Variables

  constructor(source: Source, variables: Variables) {
    this.#source = source
    this.#variables = variables
  }

  /** The value of a node; `schemas` are what may stand there, so that text from a variable can become a number. */
  read(node: Node, pointer: string, schemas: readonly SchemaNode[]): unknown {
    this.values.set(pointer, node)
    if (node.type === 'object') return this.#readObject(node, pointer, schemas)
    if (node.type === 'array') {
      return (node.children ?? []).map((item, i) => this.read(item, child(pointer, i), childrenOf(schemas, `${i}`)))
    }
    return node.type === 'string' ? this.#readText(node, pointer, schemas) : node.value
  }

  #readObject(node: Node, pointer: string, schemas: readonly SchemaNode[]): Record<string, unknown> {
    const object: Record<string, unknown> = {}
    for (const property of node.children ?? []) {
      const [keyNode, valueNode] = property.children ?? []
      if (keyNode === undefined || valueNode === undefined) continue
      const key = String(keyNode.value)
      const at = child(pointer, key)
      if (forbiddenKeys.has(key)) {
        this.faults.push(faultAt(this.#source, keyNode, {
          code: 'config.forbidden-key', message: `the key "${key}" is not allowed in ${pathOf(pointer)}`,
          fix: 'remove it or choose another name',
        }))
      } else if (this.keys.has(at)) {
        const first = this.#source.placeOf(this.keys.get(at)?.offset ?? 0).line
        this.faults.push(faultAt(this.#source, keyNode, {
          code: 'config.duplicate-key', message: `${pathOf(at)} is written twice, first in line ${first}`,
          fix: 'keep one of the two',
        }))
      } else {
        this.keys.set(at, keyNode)
        object[key] = this.read(valueNode, at, childrenOf(schemas, key))
      }
    }
    return object
  }

  #readText(node: Node, pointer: string, schemas: readonly SchemaNode[]): unknown {
    const written = String(node.value)
    const { text, origins, secrets, problems } = interpolate(written, this.#variables)
    for (const { code, expression, message, fix } of problems) {
      this.broken.add(pointer)
      this.faults.push(faultAt(this.#source, this.#spanIn(node, expression), {
        code, message: `${pathOf(pointer)}: ${message}`, fix,
      }))
    }
    if (origins.length > 0) this.#keepOrigins(node, pointer, origins)
    for (const secret of secrets) if (secret.length >= shortestSecret) this.secrets.add(secret)
    return text === written ? text : asWanted(text, schemas)
  }

  /** A list shows its elements together: it has the origins of all of them. */
  #keepOrigins(node: Node, pointer: string, origins: readonly string[]): void {
    this.origins.set(pointer, [...new Set(origins)])
    if (node.parent?.type !== 'array') return
    const list = parentOf(pointer)
    this.origins.set(list, [...new Set([...this.origins.get(list) ?? [], ...origins])])
  }

  /** The expression itself, where the text stands there unescaped. */
  #spanIn(node: Node, expression: string): Span {
    const at = this.#source.text.slice(node.offset, node.offset + node.length).indexOf(expression)
    return at === -1 ? node : { offset: node.offset + at, length: expression.length }
  }
}

/** Text that a variable brought, as the number or truth value that has to stand there. */
function asWanted(text: string, schemas: readonly SchemaNode[]): unknown {
  const wanted = schemas.flatMap(branchesOf)
  const isNumber = wanted.some(({ type, unit }) => type === 'integer' || type === 'number' || unit !== undefined)
  if (isNumber && /^-?[0-9]+(\.[0-9]+)?$/.test(text)) return Number(text)
  if (wanted.some(({ type }) => type === 'boolean') && (text === 'true' || text === 'false')) return text === 'true'
  return text
}
