// The JSON Schema of the configuration, put together from the base parts and from what each policy says of its own
// options. It is what editors complete from and what ajv checks: there is no second list of options anywhere.

import type { PolicyDefinition } from '../core/policy.ts'
import { modeSchema, namePattern, topLevelProperties } from './schema-parts.ts'
import { routeProperties, upstreamProperties } from './schema-routes.ts'
import type { SchemaNode } from './schema-node.ts'

/** What the loader needs to know of a policy. */
export type PolicyOptions = Pick<PolicyDefinition<never>, 'name' | 'routeSchema' | 'upstreamSchema'>

/** Which policy reads a key, for its mode: by key of a route, and by key of an upstream. */
export interface PolicyKeys {
  readonly route: ReadonlyMap<string, string>
  readonly upstream: ReadonlyMap<string, string>
}

/**
 * Policies that act without being written (product: Defaults). Their options are filled in where the file has none; all
 * others stay absent, and absent means off, so that nobody gets retries by forgetting a word.
 */
const onByDefault: ReadonlySet<string> = new Set(['inherit', 'deadline', 'timeouts', 'limit', 'breaker'])

/** Parts of one mechanism, which has one key for all of them. */
const partsOfOne: ReadonlySet<string> = new Set(['recall', 'claim', 'record'])

const off: SchemaNode = { const: 'off', description: 'Turned off.' }
const mode = modeSchema as SchemaNode

/** The schema of the whole file for these policies, in travel order. */
export function assembleSchema(policies: readonly PolicyOptions[]): SchemaNode {
  const upstream = objectOf(upstreamProperties, policyProperties(policies, 'upstreamSchema'),
    'A named destination: the service itself, or one that it calls.')
  const route = objectOf(routeProperties, policyProperties(policies, 'routeSchema'),
    'What it takes, where that goes, and under which policies.')
  return plain({
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Seawall configuration',
    description: 'Comments and trailing commas are accepted. In text values ${NAME}, ${NAME:-default} and ${file:PATH} '
      + 'are replaced. Durations: "250ms", "2s", "5m" or milliseconds; sizes: "16KiB", "1MiB" or bytes.',
    ...objectOf({
      ...topLevelProperties,
      upstreams: {
        type: 'object', patternProperties: { [namePattern]: upstream }, additionalProperties: false, minProperties: 1,
        description: 'Destinations, by name.', examples: [{ app: { endpoints: ['http://127.0.0.1:3000'] } }],
      },
      routes: {
        type: 'array', items: route, minItems: 1, maxItems: 2000,
        description: 'Tried in the order of the file, the first match wins: write the particular before the general.',
        examples: [[{ name: 'all', listener: 'public', match: { path: '/*' }, upstream: 'app' }]],
      },
    }, {}, undefined),
  }) as SchemaNode
}

/** Which policy each key belongs to. */
export function policyKeysOf(policies: readonly PolicyOptions[]): PolicyKeys {
  const owners = (which: 'routeSchema' | 'upstreamSchema'): Map<string, string> => new Map(policies.flatMap((policy) =>
    Object.keys(keysOf(policy, which)).map((key) => [key, policy.name] as const)))
  return { route: owners('routeSchema'), upstream: owners('upstreamSchema') }
}

function policyProperties(
  policies: readonly PolicyOptions[], which: 'routeSchema' | 'upstreamSchema',
): Record<string, SchemaNode> {
  const properties: Record<string, SchemaNode> = {}
  for (const policy of policies) {
    for (const [key, schema] of Object.entries(keysOf(policy, which))) properties[key] = switchable(key, schema)
  }
  return properties
}

/**
 * A policy's own keys. One whose options have other names (shed: bulkhead), or stand under the upstream alone, gets a
 * key of its own name on the route, where it can be turned off or observed.
 */
function keysOf(policy: PolicyOptions, which: 'routeSchema' | 'upstreamSchema'): Readonly<Record<string, SchemaNode>> {
  const keys = (policy[which] ?? {}) as Readonly<Record<string, SchemaNode>>
  const hasOptions = policy.routeSchema !== undefined || policy.upstreamSchema !== undefined
  const isNamed = Object.hasOwn(keys, policy.name) || partsOfOne.has(policy.name)
  if (which === 'upstreamSchema' || !hasOptions || isNamed) return keys
  return { ...keys, [policy.name]: {
    type: 'object', properties: {}, additionalProperties: false,
    description: `Turns ${policy.name} off or observes it on this route; its options stand under other keys.`,
    examples: ['off', { mode: 'observe' }],
  } }
}

/** Adds what every policy has: `"off"`, and a `mode` of its own. */
function switchable(key: string, schema: SchemaNode): SchemaNode {
  const { description, examples, default: ownDefault, ...rest } = schema
  const branches = rest.anyOf !== undefined && rest.unit === undefined ? rest.anyOf : [rest]
  const withMode = branches.filter((branch) => branch.const !== 'off').map((branch) => branch.type === 'object'
    ? { ...branch, properties: { ...branch.properties, mode } }
    : branch)
  const filled = ownDefault ?? (onByDefault.has(key) ? {} : undefined)
  return {
    ...(description === undefined ? {} : { description }),
    ...(examples === undefined ? {} : { examples }),
    ...(filled === undefined ? {} : { default: filled }),
    anyOf: [...withMode, off],
  }
}

function objectOf(
  base: Readonly<Record<string, unknown>>, added: Readonly<Record<string, SchemaNode>>, description: string | undefined,
): SchemaNode {
  const properties = { ...base, ...added } as Readonly<Record<string, SchemaNode & { readonly '~optional'?: boolean }>>
  const optionals = new Set(Object.keys(properties).filter((key) => properties[key]?.['~optional'] === true))
  const required = Object.keys(base).filter((key) => !optionals.has(key))
  return {
    type: 'object', properties, required, additionalProperties: false,
    ...(description === undefined ? {} : { description }),
  }
}

/** JSON and nothing else: the builders' hidden marks are left behind. */
function plain(schema: unknown): unknown {
  return JSON.parse(JSON.stringify(schema))
}
