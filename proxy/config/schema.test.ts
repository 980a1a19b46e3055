import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { test } from 'tap'
import { Type } from 'typebox'
import { schemaText } from './export-schema.ts'
import { currentRules } from './rules.ts'
import { assembleSchema } from './schema.ts'
import type { PolicyOptions } from './schema.ts'
import type { SchemaNode } from './schema-node.ts'
import { branchesOf } from './schema-node.ts'
import { compileSchema } from './validator.ts'

/** Every schema of a property, of a list's elements or of a named entry, with its path. */
function* properties(schema: SchemaNode, path = ''): Generator<[string, SchemaNode]> {
  for (const branch of branchesOf(schema)) {
    const inner = { ...branch.properties, ...branch.patternProperties, ...(branch.items && { '[]': branch.items }) }
    for (const [key, property] of Object.entries(inner)) {
      yield [`${path}.${key}`, property]
      yield* properties(property, `${path}.${key}`)
    }
  }
}

test('every property says what it is, and shows a value where no word list does', async (t) => {
  let count = 0
  for (const [path, schema] of properties(currentRules().schema)) {
    count++
    t.ok(schema.title ?? schema.description, `${path} has a description`)
    const isSelfEvident = branchesOf(schema).every(({ type, const: word, enum: words, properties: inner }) =>
      word !== undefined || words !== undefined || type === 'boolean' || inner !== undefined)
    const isEntry = /\.(\[\]|\^.*)$/.test(path)
    const isShown = schema.default !== undefined || schema.examples !== undefined
    t.ok(isSelfEvident || isEntry || isShown, `${path} has a value`)
  }
  t.ok(count > 80, `${count} properties were looked at`)
})

test('every object is closed, but for a body that is sent as it is written', async (t) => {
  for (const [path, schema] of properties(currentRules().schema)) {
    for (const branch of branchesOf(schema)) {
      if (branch.type === 'object') t.equal(branch.additionalProperties, path.endsWith('.fallback.body'), path)
    }
  }
})

test('every default and every example is itself valid', async (t) => {
  for (const [path, schema] of properties(currentRules().schema)) {
    const validate = compileSchema({ type: 'object', properties: { it: schema } })
    const given = [...(schema.default === undefined ? [] : [schema.default]), ...(schema.examples ?? [])]
    for (const value of given) {
      // Expressions are replaced before anything is checked.
      if (JSON.stringify(value).includes('${')) continue
      t.strictSame(validate({ it: value }), [], `${path}: ${JSON.stringify(value)}`)
    }
  }
})

const standIn: PolicyOptions[] = [
  { name: 'retry', routeSchema: { retry: Type.Object({ maxAttempts: Type.Integer() }) } },
  { name: 'breaker', upstreamSchema: { breaker: Type.Object({}) } },
  { name: 'permit' },
]

function routeKeys(schema: SchemaNode): Readonly<Record<string, SchemaNode>> {
  return schema.properties?.['routes']?.items?.properties ?? {}
}

/** Of each alternative: its one word, or its keys. */
function outline(schema: SchemaNode | undefined): readonly unknown[] {
  return branchesOf(schema ?? {}).map((branch) => branch.const ?? Object.keys(branch.properties ?? {}))
}

test('a policy brings its keys, and with them off and mode', async (t) => {
  const keys = routeKeys(assembleSchema(standIn))
  t.strictSame(outline(keys['retry']), [['maxAttempts', 'mode'], 'off'])
  t.notOk('deadline' in keys, 'a policy that does not exist has no key')
})

test('a policy whose options stand elsewhere can be turned off by its name on a route', async (t) => {
  const keys = routeKeys(assembleSchema(standIn))
  t.strictSame(outline(keys['breaker']), [['mode'], 'off'])
  t.notOk('permit' in keys, 'a policy without options has no key')
})

test('only policies that act without being written are filled in', async (t) => {
  const keys = routeKeys(currentRules().schema)
  t.strictSame(keys['deadline']?.default, {})
  t.strictSame(keys['bulkhead']?.default, undefined)
})

test('the schema kept for editors is the schema', async (t) => {
  t.equal(readFileSync(new URL('../../config/schema.json', import.meta.url), 'utf8'), schemaText(),
    'config/schema.json is fresh: node proxy/config/export-schema.ts > config/schema.json')
})

test('the schema is a schema', async (t) => {
  const ajv = new Ajv({ strict: false })
  t.equal(ajv.validateSchema(currentRules().schema), true, JSON.stringify(ajv.errors))
})
