// A world of one route with layers, over upstreams whose answers a test scripts: the few things such a test says.

import type { Mode } from '../../proxy/core/configuration.ts'
import { ScriptedUpstream } from './scripted-upstream.ts'
import type { Play, Script } from './scripted-upstream.ts'
import { World } from './world.ts'

export interface LayeredShape {
  readonly seed?: number
  readonly mode?: Mode
  readonly listenerKind?: 'ingress' | 'egress'
  /** Options of the route: its layers. */
  readonly route: Readonly<Record<string, unknown>>
  /** Options of every upstream. Breaker and learned limit are off unless given. */
  readonly upstream?: Readonly<Record<string, unknown>>
  /** The upstream `service`, and a second one. */
  readonly service?: Script
  readonly second?: Script
}

export interface LayeredWorld {
  readonly world: World
  readonly service: ScriptedUpstream
  readonly second: ScriptedUpstream
  /** Figures of a layer in the status. */
  shown(name: string): Record<string, number | string>
  /** Sum of a family of metrics. */
  counted(family: string): number
}

export function layeredWorld(shape: LayeredShape): LayeredWorld {
  const options = { breaker: 'off', limit: 'off', ...shape.upstream }
  const made = new Map<string, ScriptedUpstream>()
  const world = new World({
    seed: shape.seed ?? 1,
    sketch: {
      mode: shape.mode ?? 'enforce',
      listenerKind: shape.listenerKind ?? 'ingress',
      upstreams: ['service', 'second'].map((name) => ({ name, startupMs: 0, options })),
      routes: [{ options: shape.route }],
    },
    upstreams: (clock) => {
      made.set('service', new ScriptedUpstream('service', clock, shape.service))
      made.set('second', new ScriptedUpstream('second', clock, shape.second))
      return (name) => made.get(name) as ScriptedUpstream
    },
  })
  return {
    world,
    service: made.get('service') as ScriptedUpstream,
    second: made.get('second') as ScriptedUpstream,
    shown: (name) => Object.assign({}, ...[...world.joined.parts.shown()].filter((part) => part.name === name)
      .map((part) => part.inspect())) as Record<string, number | string>,
    counted: (family) => world.joined.meter.families().filter(({ name }) => name === family)
      .flatMap(({ samples }) => samples()).reduce((sum, { value }) => sum + value, 0),
  }
}

/** What comes of the first, second and later calls; the last one stays. */
export function inTurn(...list: readonly Play[]): (call: { readonly n: number }) => Play {
  return ({ n }) => list[Math.min(n, list.length) - 1] as Play
}
