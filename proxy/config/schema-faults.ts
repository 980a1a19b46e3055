// What ajv found, in words: one fault for each wrong value, at its place, with what was expected and what to do. The
// alternatives of an anyOf are folded into one sentence, or into the faults of the one alternative that was meant.

import { describeExpected, describeGot, describeRange, exampleOf } from './describe.ts'
import { child, pathOf } from './document.ts'
import type { ConfigurationDocument } from './document.ts'
import type { Fault, Finding } from './fault.ts'
import { formats } from './formats.ts'
import { isNotYet } from './not-yet.ts'
import { parseQuantity } from './quantity.ts'
import type { Unit } from './quantity.ts'
import { branchesOf, kindOf } from './schema-node.ts'
import type { SchemaNode } from './schema-node.ts'
import { nearest } from './suggest.ts'
import type { SchemaError } from './validator.ts'

export interface SchemaFaults {
  readonly faults: readonly Fault[]
  /** Pointers of the values that cannot be used. */
  readonly invalid: ReadonlySet<string>
}

export function schemaFaults(document: ConfigurationDocument, errors: readonly SchemaError[]): SchemaFaults {
  const faults: Fault[] = []
  const invalid = new Set(document.broken)
  for (const error of fold(errors)) {
    const pointer = error.instancePath
    // A value without its variable has been told already; what stands there now is nobody's fault.
    if (document.broken.has(pointer)) continue
    if (error.keyword === 'additionalProperties') faults.push(unknownKey(document, error))
    else if (error.keyword === 'required') faults.push(missingKey(document, error))
    else if (!invalid.has(pointer)) {
      invalid.add(pointer)
      faults.push(document.faultAt(pointer, wrongValue(error)))
    }
  }
  return { faults, invalid }
}

/** Leaves one error for each thing that is wrong. */
function fold(errors: readonly SchemaError[]): readonly SchemaError[] {
  const dropped = new Set<SchemaError>()
  const outermostFirst = errors.filter(({ keyword }) => keyword === 'anyOf')
    .toSorted((a, b) => a.schemaPath.length - b.schemaPath.length)
  for (const choice of outermostFirst) {
    if (dropped.has(choice)) continue
    const inside = errors.filter((error) => error.schemaPath.startsWith(`${choice.schemaPath}/`)
      && (error.instancePath === choice.instancePath || error.instancePath.startsWith(`${choice.instancePath}/`)))
    const meant = meantBranch(choice)
    const kept = meant === null ? [] : inside.filter((error) => error.schemaPath.startsWith(`${meant}/`))
    for (const error of inside) if (!kept.includes(error)) dropped.add(error)
    // A quantity's own keyword says more than its two spellings do.
    if (kept.length > 0 || choice.parentSchema?.unit !== undefined) dropped.add(choice)
  }
  return errors.filter((error) => !dropped.has(error))
}

/** Path of the alternative that an object or list was surely meant for, or a quantity among words; null: no such. */
function meantBranch(choice: SchemaError): string | null {
  const kind = kindOf(choice.data)
  const index = (choice.parentSchema?.anyOf ?? []).findIndex((branch) => kind === 'object' || kind === 'array'
    ? branch.type === kind
    : branch.unit !== undefined && parseQuantity(branch.unit, choice.data) !== null)
  return index === -1 ? null : `${choice.schemaPath}/${index}`
}

function unknownKey(document: ConfigurationDocument, error: SchemaError): Fault {
  const key = String(error.params['additionalProperty'])
  const at = child(error.instancePath, key)
  const place = pathOf(error.instancePath)
  const known = Object.keys(error.parentSchema?.properties ?? {})
  if (known.length === 0 && error.parentSchema?.patternProperties !== undefined) {
    return document.faultAtKey(at, {
      code: 'config.name', message: `"${key}" cannot be a name in ${place}`,
      expected: 'a letter, then letters, digits, - and _, 63 in all', fix: 'choose another name',
    })
  }
  if (isNotYet(error.instancePath, key)) {
    return document.faultAtKey(at, {
      code: 'config.not-in-this-version', message: `"${key}" in ${place}: this version of Seawall does not have it yet`,
      fix: 'remove it; nothing would act on it',
    })
  }
  const meant = nearest(key, known.filter((name) => !document.has(child(error.instancePath, name))))
  return document.faultAtKey(at, {
    code: 'config.unknown-key', message: `unknown key "${key}" in ${place}${didYouMean(meant)}`,
    fix: meant === null ? `remove it; known here: ${listed(known)}` : `write "${meant}"`,
  })
}

function missingKey(document: ConfigurationDocument, error: SchemaError): Fault {
  const key = String(error.params['missingProperty'])
  const schema = error.parentSchema?.properties?.[key] ?? {}
  return document.faultAt(error.instancePath, {
    code: 'config.missing-key', message: `${pathOf(error.instancePath)} has no "${key}"`,
    expected: describeExpected(schema), fix: `add "${key}": ${exampleOf(schema) ?? '…'}`,
  })
}

function wrongValue(error: SchemaError): Finding {
  const schema = error.parentSchema ?? {}
  const pointer = error.instancePath
  const message = pathOf(pointer)
  const got = describeGot(error.data)
  const fix = fixFor(schema, error.data)
  if (pointer === '/version') {
    return { code: 'config.version', message, expected: '1', got, fix: 'write "version": 1' }
  }
  switch (error.keyword) {
    case 'unit': return quantityFinding(schema, error.data, { message, got, fix })
    case 'minimum': case 'maximum': case 'exclusiveMinimum':
      return { code: 'config.range', message, expected: describeExpected(schema), got, fix: `write a value${
        describeRange(schema)}` }
    case 'minItems': case 'minProperties':
      return { code: 'config.range', message, expected: 'at least one', got, fix: fix ?? 'add one' }
    case 'maxItems': case 'maxLength': case 'minLength':
      return lengthFinding(error, { message, got })
    case 'uniqueItems': {
      return { code: 'config.value', message, expected: 'every element once', got: 'one of them twice',
        fix: 'remove the second one' }
    }
    case 'pattern':
      return { code: 'config.name', message, expected: 'a letter, then letters, digits, - and _, 63 in all', got,
        fix: 'choose another name' }
    case 'format':
      return { code: 'config.format', message, expected: describeExpected(schema), got,
        fix: formats[schema.format ?? '']?.fix ?? 'see the schema' }
    case 'enum': case 'const': return wordFinding(schema, error.data, { message, got })
    default:
      return { code: 'config.type', message, expected: describeExpected(schema), got,
        fix: fix ?? `write ${describeExpected(schema)}` }
  }
}

type Said = { readonly message: string; readonly got: string; readonly fix?: string | null }

function quantityFinding(schema: SchemaNode, value: unknown, { message, got, fix }: Said): Finding {
  if (schema.unit === undefined || parseQuantity(schema.unit, value) === null) {
    return { code: 'config.type', message, expected: describeExpected(schema), got, fix: fix ?? 'add a unit' }
  }
  const range = describeRange(schema)
  const expected = `a ${schema.unit}${range}`
  return { code: 'config.range', message, expected, got, fix: `write ${expected}` }
}

function lengthFinding(error: SchemaError, { message, got }: Said): Finding {
  const limit = String(error.params['limit'])
  const isText = error.keyword !== 'maxItems'
  const bound = error.keyword === 'minLength' ? 'at least' : 'at most'
  return {
    code: 'config.range', message, expected: `${bound} ${limit} ${isText ? 'characters' : 'elements'}`, got,
    fix: error.keyword === 'minLength' ? 'make it longer' : 'make it shorter',
  }
}

function wordFinding(schema: SchemaNode, value: unknown, { message, got }: Said): Finding {
  const words = (schema.enum ?? [schema.const]).filter((word) => typeof word === 'string')
  const meant = typeof value === 'string' ? nearest(value, words) : null
  return {
    code: 'config.value', message, expected: describeExpected(schema), got,
    fix: meant === null ? `write ${describeExpected(schema)}` : `write "${meant}"`,
  }
}

/** The shortest way out: the same quantity as it is written here, else an example of the schema's own. */
function fixFor(schema: SchemaNode, value: unknown): string | null {
  const unit = branchesOf(schema).find((branch) => branch.unit !== undefined)?.unit
  const meant = unit === undefined || typeof value !== 'string' ? null : asQuantity(unit, value)
  if (meant !== null) return `write "${meant}"`
  const example = exampleOf(schema)
  return example === null ? null : `write for instance ${example}`
}

/** "10 seconds" is 10s, "1 MiB" is 1MiB, "250" is 250ms; null: no guess. */
function asQuantity(unit: Unit, text: string): string | null {
  const parts = /^([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)$/i.exec(text.trim())
  if (parts === null) return null
  const [, number = '', word = ''] = parts
  const spelled = [
    [/^$/, unit === 'size' ? 'B' : 'ms'], [/^(ms|millis)/i, 'ms'], [/^s(ec|$)/i, 's'], [/^m(in|$)/i, 'm'],
    [/^h/i, 'h'], [/^d/i, 'd'],
  ] as const
  const guesses = [word, ...spelled.flatMap(([pattern, suffix]) => pattern.test(word) ? [suffix] : [])]
  return guesses.map((suffix) => number + suffix).find((guess) => parseQuantity(unit, guess) !== null) ?? null
}

/** `; did you mean "x"?`, or nothing. */
export function didYouMean(word: string | null): string {
  return word === null ? '' : `; did you mean "${word}"?`
}

function listed(words: readonly string[]): string {
  return words.filter((word) => word !== '$schema').join(', ')
}

/** The fix for a name that does not exist: the one that may have been meant, one of those there are, or a new one. */
export function fixForName(near: string | null, known: readonly string[], section: string): string {
  if (near !== null) return `write "${near}"`
  return `${known.length === 0 ? '' : `name one of ${known.join(', ')}, or `}write it under "${section}"`
}
