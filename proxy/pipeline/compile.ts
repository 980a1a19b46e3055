// Configuration in, route table out: for every route the policies that have something to do on it are made, put in
// order and joined. Runs at load and reload, never per request.

import type { Announce } from '../core/announce.ts'
import type { Clock } from '../core/clock.ts'
import type {
  Configuration, ListenerOptions, Mode, RouteConfiguration, UpstreamConfiguration,
} from '../core/configuration.ts'
import type { House } from '../core/house.ts'
import type { PolicyName } from '../core/outcome.ts'
import type { Observer, Plan } from '../core/plan.ts'
import { LatencyQuantile } from '../algorithms/latency-quantile.ts'
import type { Meter } from '../core/meter.ts'
import type { AtDoor, Gate, Handler, LayerDefinition, PolicyContext, PolicyDefinition } from '../core/policy.ts'
import type { RecordStore } from '../core/record-store.ts'
import type { Random } from '../core/random.ts'
import type { GateRun, Scope } from '../core/scope.ts'
import type { Send, Upstream } from '../core/upstream.ts'
import { Attempts } from './attempts.ts'
import { forwardingOf } from './forwarding.ts'
import { fuse } from './gates.ts'
import type { Placed } from './gates.ts'
import { attemptPolicies, exchangePolicies, layers, leaves, upgradePolicies } from './order.ts'
import { paceKey } from './parts.ts'
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
  readonly meter: Meter
  /** Absent: limits are this instance's own. */
  readonly sharing?: PolicyContext['sharing']
  /** The name of the listener of that name in Via fields. */
  readonly viaOf: (listener: string) => string
  /** Where records of keys are kept; absent: no route asks for it. */
  readonly records?: RecordStore | null
  /** The leaf of the upstream of that name. */
  readonly upstreamOf: (name: string) => Upstream
}

/** For a connection to be accepted while an upstream is not known to be ready, ms. */
const probeTimeoutMs = 1_000

/** Joins every route of a validated configuration. Throws only on a defect: names were checked by the loader. */
export function compile(configuration: Configuration, ground: Ground): RouteTable {
  const upstreams = new Map(configuration.upstreams.map((upstream, index) => [upstream.name, { upstream, index }]))
  const listeners = new Map(configuration.listeners.map((listener) => [listener.name, listener]))
  const hasEgress = configuration.listeners.some(({ kind }) => kind === 'egress')
  return new RouteTable(configuration.routes.map((route, index) => {
    const known = upstreams.get(route.upstream)
    const listener = listeners.get(route.listener)
    if (known === undefined || listener === undefined) {
      throw new Error(`route "${route.name}" names an upstream or listener that does not exist`)
    }
    const placeAt = (name: string): Place =>
      ({ listener, route, upstream: upstreams.get(name)?.upstream ?? known.upstream, hasEgress })
    const plan = planOf(index, placeAt, known.index, ground)
    return { match: { listener: route.listener, ...route.match }, plan }
  }))
}

function planOf(
  index: number, placeAt: (upstream: string) => Place, upstreamIndex: number, ground: Ground,
): Plan {
  const place = placeAt('')
  const { listener, route, upstream } = place
  const leaf = ground.upstreamOf(upstream.name)
  const attempts = attemptsOf(place, leaf, ground)
  const upgradeGates = gatesOf(upgradePolicies, place, leaf, ground)
  return {
    route: route.name,
    index,
    listener: listener.name,
    upstream: upstream.name,
    upstreamIndex,
    endpoints: leaf.endpoints,
    doors: gatesOf(exchangePolicies, place, leaf, ground),
    handle: chainFrom(0, attempts, place, placeAt, ground),
    upgrade: (work, send) => attempts.via(upgradeGates, send).handle(work, 'first'),
    dial: leaf.dial?.bind(leaf) ?? null,
    atDoor: atDoorOf(place, leaf, ground),
    forwarding: forwardingOf(listener, route, upstream, ground.viaOf(listener.name)),
    isStream: route.isStream,
    maxBodyBytes: route.maxBodyBytes,
    observer: ground.observer,
  }
}

/** The layers from that one of the order inwards, around the attempts at the upstream of that place. */
function chainFrom(
  first: number, attempts: Attempts, place: Place, placeAt: (upstream: string) => Place, ground: Ground,
): Handler {
  const leaf = ground.upstreamOf(place.upstream.name)
  let handler = attempts.handle
  for (let i = layers.length - 1; i >= first; i--) {
    const definition = layers[i] as LayerDefinition
    if (isOff(definition.name, place)) continue
    const layer = definition.create({
      ...contextOf(place, leaf, ground, modeOf(definition.name, place) === 'observe'),
      beneath: (upstream) => {
        const other = placeAt(upstream)
        return chainFrom(i + 1, attemptsOf(other, ground.upstreamOf(upstream), ground), other, placeAt, ground)
      },
    })
    if (layer !== null) handler = layer(handler)
  }
  return handler
}

/** The first layer that has something to say there. */
function atDoorOf(place: Place, leaf: Upstream, ground: Ground): AtDoor | null {
  for (const definition of layers) {
    if (isOff(definition.name, place) || modeOf(definition.name, place) === 'observe') continue
    const says = definition.atDoor?.(contextOf(place, leaf, ground, false)) ?? null
    if (says !== null) return says
  }
  return null
}

function attemptsOf(place: Place, leaf: Upstream, ground: Ground): Attempts {
  const { listener, route, upstream } = place
  const deadline = route.options['deadline'] as { readonly default?: number } | 'off' | undefined
  return new Attempts({
    upstream: upstream.name,
    forwarding: forwardingOf(listener, route, upstream, ground.viaOf(listener.name)),
    gates: gatesOf(attemptPolicies, place, leaf, ground),
    send: sendOf(place, leaf, ground),
    clock: ground.clock,
    observer: ground.observer,
    pace: ground.parts.part(paceKey(upstream.name, route.name), () => new LatencyQuantile()),
    routeDeadlineMs: typeof deadline === 'object' ? deadline.default ?? Infinity : Infinity,
    isSeawall: upstream.options['type'] === 'seawall',
  })
}

/** The leaf's own, with what stands before it. */
function sendOf(place: Place, leaf: Upstream, ground: Ground): Send {
  return leaves.reduceRight<Send>((next, definition) => {
    if (isOff(definition.name, place)) return next
    const shadow = modeOf(definition.name, place) === 'observe'
    return definition.create(contextOf(place, leaf, ground, shadow), next) ?? next
  }, (attempt) => { leaf.send(attempt) })
}

/** Where a policy stands. */
interface Place {
  readonly listener: ListenerOptions
  readonly route: RouteConfiguration
  readonly upstream: UpstreamConfiguration
  readonly hasEgress: boolean
}

function gatesOf<S extends Scope>(
  policies: readonly PolicyDefinition<S>[], place: Place, leaf: Upstream, ground: Ground,
): GateRun {
  const placed: Placed<S>[] = []
  for (const policy of policies) {
    if (isOff(policy.name, place)) continue
    const shadow = modeOf(policy.name, place) === 'observe'
    const gate: Gate<S> | null = policy.create(contextOf(place, leaf, ground, shadow))
    if (gate !== null) placed.push({ gate, shadow })
  }
  return fuse(placed)
}

/** Where several policies are parts of one mechanism: the key under which it is turned off or observed. */
const keyOf: { readonly [P in PolicyName]?: string } = {
  // Two ends of one admission: without the door there is no permit to bind.
  permit: 'shed',
  recall: 'idempotency', claim: 'idempotency', record: 'idempotency',
}

function modeOf(policy: PolicyName, { route }: Place): Mode {
  // Modes are kept by the policy that has the key in its schema.
  const owner = keyOf[policy] === 'idempotency' ? 'recall' : policy
  return route.policyModes[owner] ?? route.mode
}

/** `"off"` under its name on the route, or under its upstream's options. */
function isOff(policy: PolicyName, { route, upstream }: Place): boolean {
  const name = keyOf[policy] ?? policy
  return route.options[name] === 'off' || upstream.options[name] === 'off'
}

function contextOf(place: Place, leaf: Upstream, ground: Ground, shadow: boolean): PolicyContext {
  const { listener, route, upstream, hasEgress } = place
  return {
    listenerKind: listener.kind,
    hasEgress,
    clock: ground.clock,
    random: ground.random,
    announce: ground.announce,
    house: ground.house,
    records: ground.records ?? null,
    probe: () => leaf.probe(probeTimeoutMs),
    route: route.name,
    upstream: upstream.name,
    routeOptions: route.options,
    upstreamOptions: { startup: upstream.startupMs, ...upstream.options },
    shadow,
    part: (key, make) => ground.parts.part(key, make),
    endpoints: () => leaf.endpoints,
    watchEndpoints: leaf.watch === undefined ? null : (changed) => { leaf.watch?.(changed) },
    endpointOptions: upstream.endpointOptions ?? [],
    check: (endpoint, path, timeoutMs) => leaf.check(endpoint, path, timeoutMs),
    meter: ground.meter,
    sharing: ground.sharing ?? null,
    show: (name, shown, inspect) => { ground.parts.show({ name, upstream: upstream.name, route: shown, inspect }) },
  }
}
