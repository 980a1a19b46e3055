// ajv over the assembled schema, with the keywords of this project. It is compiled once, at the start; what ajv finds
// is handed on raw, schema-faults.ts makes faults of it.

import { Ajv } from 'ajv'
import type { ErrorObject } from 'ajv'
import { formats } from './formats.ts'
import { parseQuantity } from './quantity.ts'
import type { Unit } from './quantity.ts'
import type { SchemaNode } from './schema-node.ts'

/** One thing that ajv did not like, with the schema and the value at that place. */
export type SchemaError = ErrorObject & { readonly parentSchema?: SchemaNode; readonly data?: unknown }

/** Everything wrong with a value; empty: nothing. */
export type Validate = (value: unknown) => readonly SchemaError[]

/** Throws when the schema itself is wrong: a defect of this project, never of a configuration. */
export function compileSchema(schema: SchemaNode): Validate {
  // The schema itself is checked by a test, and not at each start: it would take as long as all the rest.
  const lean = { validateSchema: false, code: { optimize: false } }
  const ajv = new Ajv({ allErrors: true, strict: true, verbose: true, ...lean })
  ajv.addKeyword({
    keyword: 'unit', schemaType: 'string', errors: false,
    validate: (unit: Unit, value: unknown, parent?: object) => isWithin(unit, value, parent ?? {}),
  })
  ajv.addVocabulary(['atLeast', 'atMost', 'secret'])
  for (const [name, format] of Object.entries(formats)) ajv.addFormat(name, format.accepts)
  const check = ajv.compile(schema)
  return (value) => check(value) ? [] : (check.errors ?? []) as readonly SchemaError[]
}

function isWithin(unit: Unit, value: unknown, { atLeast, atMost }: SchemaNode): boolean {
  const quantity = parseQuantity(unit, value)
  return quantity !== null && quantity >= (atLeast ?? 0) && quantity <= (atMost ?? Infinity)
}
