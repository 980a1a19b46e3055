// Which mechanisms stand on a route, in the order in which they act: on, observing or off, and since which word. It
// reads the same keys as the joining of plans (pipeline/compile.ts) and makes nothing.

import type { Configuration, RouteConfiguration } from '../core/configuration.ts'
import { child } from './document.ts'
import { describeOrigin } from './effective.ts'
import type { EffectiveValue, Origins } from './effective.ts'
import { currentPolicies } from './rules.ts'

export interface ExplainedPolicy {
  readonly name: string
  readonly state: 'on' | 'observe' | 'off'
  /** The word that decides it, as `routes[0].retry (FILE:LINE)`; `default` where none is written. */
  readonly origin: string
}

/** Parts of one mechanism, and the key of all of them. */
const keyOf: Readonly<Record<string, string>> = {
  recall: 'idempotency', record: 'idempotency', claim: 'idempotency', permit: 'shed',
}

/** Policies without which no route is: they need no word to stand there. */
const always: ReadonlySet<string> = new Set(['drain', 'shed', 'permit', 'balance'])

export function policiesOf(
  configuration: Configuration, origins: Origins, index: number, route: RouteConfiguration,
): readonly ExplainedPolicy[] {
  return currentPolicies().map(({ name }) => {
    const key = keyOf[name] ?? name
    const words = [`/routes/${index}`, child('/upstreams', route.upstream)]
      .map((prefix) => wordUnder(origins, child(prefix, key)))
    const off = words.find((word) => word?.shown === 'off') ?? null
    if (off !== null) return { name, state: 'off', origin: describeOrigin(off) }
    const word = words.find((found) => found !== null && found.origin.kind !== 'default')
      ?? words.find((found) => found !== null) ?? null
    if (word === null && !always.has(name)) return { name, state: 'off', origin: 'default' }
    if (name === 'inherit' && configuration.listeners.every(({ kind }) => kind === 'ingress')) {
      return { name, state: 'off', origin: 'no listener is egress' }
    }
    const mode = route.policyModes[keyOf[name] === 'idempotency' ? 'recall' : name] ?? route.mode
    const origin = word === null ? 'default' : shortOrigin(word, key)
    return { name, state: mode === 'observe' ? 'observe' : 'on', origin }
  })
}

/** What is said of a key: the key itself, or the first word written beneath it, or what is filled in there. */
function wordUnder(origins: Origins, pointer: string): EffectiveValue | null {
  let filledIn: EffectiveValue | null = origins.get(pointer) ?? null
  for (const [at, value] of origins) {
    if (at !== pointer && !at.startsWith(`${pointer}/`)) continue
    if (value.origin.kind !== 'default') return value
    filledIn ??= value
  }
  return filledIn
}

/** Where the key stands, not the first of its options: `routes[0].retry` of `routes[0].retry.maxAttempts`. */
function shortOrigin(word: EffectiveValue, key: string): string {
  const steps = word.path.split(new RegExp(`(?<=\\.${key})[.[]`))
  return describeOrigin({ ...word, path: steps[0] ?? word.path })
}
