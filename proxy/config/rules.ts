// What configurations are checked against, made once at the start: the schema for the policies that exist, compiled,
// and which policy reads which key.

import type { PolicyDefinition } from '../core/policy.ts'
import { attemptPolicies, exchangePolicies, layers, leaves } from '../pipeline/order.ts'
import { assembleSchema, policyKeysOf } from './schema.ts'
import type { PolicyKeys, PolicyOptions } from './schema.ts'
import type { SchemaNode } from './schema-node.ts'
import { compileSchema } from './validator.ts'
import type { Validate } from './validator.ts'

export interface Rules {
  readonly schema: SchemaNode
  readonly validate: Validate
  readonly keys: PolicyKeys
}

/** Throws when a policy's schema is wrong in itself. */
export function rulesFor(policies: readonly PolicyOptions[]): Rules {
  const schema = assembleSchema(policies)
  return { schema, validate: compileSchema(schema), keys: policyKeysOf(policies) }
}

let made: Rules | null = null

/** The rules for the policies of this version. Compiling takes tens of ms: done when first asked for, once. */
export function currentRules(): Rules {
  return made ??= rulesFor(currentPolicies())
}

/** All policies of this version, in travel order. */
export function currentPolicies(): readonly PolicyOptions[] {
  return [...exchangePolicies, ...layers, ...attemptPolicies, ...leaves].map(optionsOf)
}

function optionsOf({ name, routeSchema, upstreamSchema }: Omit<PolicyDefinition<never>, 'create'>): PolicyOptions {
  return {
    name,
    ...(routeSchema === undefined ? {} : { routeSchema }),
    ...(upstreamSchema === undefined ? {} : { upstreamSchema }),
  }
}
