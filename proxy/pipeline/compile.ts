// Configuration in, route table out: for every route the policies that have something to do on it are made, put in
// order and joined. Runs at load and reload, never per request.

import type { Announce } from '../core/announce.ts'
import type { Clock } from '../core/clock.ts'
import type {
  Configuration, ListenerOptions, RouteConfiguration, UpstreamConfiguration,
} from '../core/configuration.ts'
import type { House } from '../core/house.ts'
import type { PolicyName } from '../core/outcome.ts'
import type { Observer, Plan } from '../core/plan.ts'
import type { Gate, Handler, Layer, PolicyContext, PolicyDefinition } from '../core/policy.ts'
import type { Random } from '../core/random.ts'
import type { GateRun, Scope } from '../core/scope.ts'
import type { Upstream } from '../core/upstream.ts'
import { Attempts } from './attempts.ts'
import { forwardingOf } from './forwarding.ts'
import { fuse } from './gates.ts'
import type { Placed } from './gates.ts'
import { attemptPolicies, exchangePolicies } from './order.ts'
import type { Parts } from './parts.ts'
import { RouteTable } from './route-table.ts'

/** What plans stand on; the simulator brings its own. */
export interface Ground {
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  readonly observer: Observer
  readonly house: House
  readonly parts: Parts
  /** The name of the listener of that name in Via fields. */
  readonly viaOf: (listener: string) => string
  /** The leaf of the upstream of that name. */
  readonly upstreamOf: (name: string) => Upstream
}

/** For a connection to be accepted while an upstream is not known to be ready, ms. */
const probeTimeoutMs = 1_000

/** Joins every route of a validated configuration. Throws only on a defect: names were checked by the loader. */
export function compile(configuration: Configuration, ground: Ground): RouteTable {
  const upstreams = new Map(configuration.upstreams.map((upstream, index) => [upstream.name, { upstream, index }]))
  const listeners = new Map(configuration.listeners.map((listener) => [listener.name, listener]))
  return new RouteTable(configuration.routes.map((route, index) => {
    const known = upstreams.get(route.upstream)
    const listener = listeners.get(route.listener)
    if (known === undefined || listener === undefined) {
      throw new Error(`route "${route.name}" names an upstream or listener that does not exist`)
    }
    const plan = planOf(route, index, listener, known.upstream, known.index, ground)
    return { match: { listener: route.listener, ...route.match }, plan }
  }))
}

function planOf(
  route: RouteConfiguration, index: number, listener: ListenerOptions,
  upstream: UpstreamConfiguration, upstreamIndex: number, ground: Ground,
): Plan {
  const leaf = ground.upstreamOf(upstream.name)
  const place: Place = { listener, route, upstream }
  const doors = gatesOf(exchangePolicies, place, leaf, ground)
  const attempts = new Attempts(gatesOf(attemptPolicies, place, leaf, ground), leaf, ground.clock,
    ground.observer)
  return {
    route: route.name,
    index,
    listener: listener.name,
    upstream: upstream.name,
    upstreamIndex,
    endpoints: leaf.endpoints,
    doors,
    handle: join([], attempts.handle),
    forwarding: forwardingOf(listener, route, upstream, ground.viaOf(listener.name)),
    isStream: route.isStream,
    maxBodyBytes: route.maxBodyBytes,
    observer: ground.observer,
  }
}

/** Layers in travel order around the innermost handler. A layer that is not configured is not in the list. */
export function join(layers: readonly Layer[], innermost: Handler): Handler {
  return layers.reduceRight((next, layer) => layer(next), innermost)
}

/** Where a policy stands. */
interface Place {
  readonly listener: ListenerOptions
  readonly route: RouteConfiguration
  readonly upstream: UpstreamConfiguration
}

function gatesOf<S extends Scope>(
  policies: readonly PolicyDefinition<S>[], place: Place, leaf: Upstream, ground: Ground,
): GateRun {
  const placed: Placed<S>[] = []
  for (const policy of policies) {
    if (isOff(policy.name, place)) continue
    const mode = place.route.policyModes[policy.name] ?? place.route.mode
    const shadow = mode === 'observe'
    const gate: Gate<S> | null = policy.create(contextOf(place, leaf, ground, shadow))
    if (gate !== null) placed.push({ gate, shadow })
  }
  return fuse(placed)
}

/** `"off"` under its name on the route, or under its upstream's options. */
function isOff(policy: PolicyName, { route, upstream }: Place): boolean {
  // Two ends of one admission: without the door there is no permit to bind.
  const name = policy === 'permit' ? 'shed' : policy
  return route.options[name] === 'off' || upstream.options[name] === 'off'
}

function contextOf(place: Place, leaf: Upstream, ground: Ground, shadow: boolean): PolicyContext {
  const { listener, route, upstream } = place
  return {
    listenerKind: listener.kind,
    clock: ground.clock,
    random: ground.random,
    announce: ground.announce,
    house: ground.house,
    probe: () => leaf.probe(probeTimeoutMs),
    route: route.name,
    upstream: upstream.name,
    routeOptions: route.options,
    upstreamOptions: { startup: upstream.startupMs, ...upstream.options },
    shadow,
    part: (key, make) => ground.parts.part(key, make),
  }
}
