// What this configuration does with one request: the route that takes it, every value that holds on its way and where
// it came from, and the worst case. It finds routes with the same table that requests are routed with.

import type { Configuration, Mode, RouteConfiguration } from '../core/configuration.ts'
import type { Plan } from '../core/plan.ts'
import { RouteTable } from '../pipeline/route-table.ts'
import { child } from './document.ts'
import { describeOrigin } from './effective.ts'
import type { Origins } from './effective.ts'
import { policiesOf } from './explain-policies.ts'
import type { ExplainedPolicy } from './explain-policies.ts'
import { worstCase } from './worst-case.ts'
import type { WorstCase } from './worst-case.ts'

/** Which route takes a request; null: none. */
export type FindRoute = (
  listener: string, method: string, host: string, path: string,
) => { readonly route: string } | null

export interface ExplainedValue {
  /** `route`, `upstream`, `listener`, or `all` for what holds everywhere. */
  readonly part: 'route' | 'upstream' | 'listener' | 'all'
  /** Within its part: `deadline.max`. */
  readonly name: string
  /** As shown; `***` for secrets. */
  readonly value: string
  readonly origin: string
}

export interface Explanation {
  readonly listener: string
  readonly method: string
  readonly host: string
  readonly path: string
  /** Null: no route takes it, and the caller gets 404 `route.none`. */
  readonly route: string | null
  readonly index: number
  readonly upstream: string | null
  readonly mode: Mode | null
  readonly modeOrigin: string
  /** Policies whose mode is another than the route's. */
  readonly policyModes: Readonly<Record<string, Mode>>
  /** In the order in which they act. */
  readonly policies: readonly ExplainedPolicy[]
  readonly values: readonly ExplainedValue[]
  readonly worstCase: WorstCase | null
}

export interface ExplainRequest {
  readonly listener: string
  readonly method: string
  /** Host or authority; '' where none is asked for. */
  readonly host: string
  readonly path: string
}

export function explain(
  configuration: Configuration, origins: Origins, request: ExplainRequest, find: FindRoute,
): Explanation {
  const name = find(request.listener, request.method, request.host, request.path)?.route ?? null
  const index = configuration.routes.findIndex((route) => route.name === name)
  const route = configuration.routes[index]
  const upstream = configuration.upstreams.find((candidate) => candidate.name === route?.upstream)
  if (route === undefined || upstream === undefined) {
    return {
      ...request, route: null, index: -1, upstream: null, mode: null, modeOrigin: '', policyModes: {}, policies: [],
      values: [], worstCase: null,
    }
  }
  const own = origins.get(`/routes/${index}/mode`)
  const modeValue = own === undefined || own.origin.kind === 'default' ? origins.get('/mode') : own
  return {
    ...request, route: route.name, index, upstream: upstream.name,
    mode: route.mode, modeOrigin: modeValue === undefined ? 'default' : describeOrigin(modeValue),
    policyModes: Object.fromEntries(Object.entries(route.policyModes).filter(([, mode]) => mode !== route.mode)),
    policies: policiesOf(configuration, origins, index, route),
    values: valuesFor(origins, index, route),
    worstCase: worstCase(route, upstream),
  }
}

/** Told at the head of an explanation. */
const inHead: ReadonlySet<string> = new Set(['name', 'listener', 'upstream', 'mode'])

function valuesFor(origins: Origins, index: number, route: RouteConfiguration): readonly ExplainedValue[] {
  const under = (part: ExplainedValue['part'], prefix: string): readonly ExplainedValue[] =>
    [...origins].flatMap(([pointer, value]) => pointer.startsWith(`${prefix}/`)
      ? [{ part, name: dotted(pointer.slice(prefix.length)), value: value.shown, origin: describeOrigin(value) }]
      : [])
  const everywhere = ['/limits', '/timeouts', '/drain', ...storesFor(route)].flatMap((prefix) =>
    under('all', prefix).map((value) => ({ ...value, name: `${dotted(prefix)}.${value.name}` })))
  const upstream = under('upstream', child('/upstreams', route.upstream))
  // What a route leaves open and its upstream has as well is the upstream's to say.
  const isOpen = ({ name, origin }: ExplainedValue): boolean =>
    origin === 'default' && upstream.some((value) => value.name === name || value.name.startsWith(`${name}.`))
  return [
    ...under('route', `/routes/${index}`).filter((value) => !inHead.has(value.name) && !isOpen(value)),
    ...upstream,
    ...under('listener', child('/listeners', route.listener)),
    ...everywhere,
  ]
}

/** The stores that this route keeps something in. */
function storesFor({ options }: RouteConfiguration): readonly string[] {
  const keyed = options['idempotency']
  return [
    ...(keyed === undefined || keyed === 'off' ? [] : ['/stores/idempotency']),
    ...(JSON.stringify(options['rateLimit'] ?? '').includes('"shared":true') ? ['/stores/rateLimit'] : []),
  ]
}

function dotted(pointer: string): string {
  return pointer.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~')
}

/** The table that requests are routed with, over names alone: nothing behind the routes is made. */
export function findIn(configuration: Configuration): FindRoute {
  const table = new RouteTable(configuration.routes.map((route, index) => ({
    match: { listener: route.listener, ...route.match },
    // The table hands plans through unread; to explain, the name is all that is needed of one.
    plan: { route: route.name, index } as unknown as Plan,
  })))
  return (listener, method, host, path) => table.find(listener, method, host, path)
}

/** The listener an explanation is about when none is named: the only one, or the only ingress; null: ask. */
export function onlyListener(configuration: Configuration): string | null {
  const { listeners } = configuration
  const candidates = listeners.length === 1 ? listeners : listeners.filter(({ kind }) => kind === 'ingress')
  return candidates.length === 1 ? candidates[0]?.name ?? null : null
}

