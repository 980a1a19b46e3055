// All limits in time on one page, in the order in which a request meets them: what each covers, its value, and where
// that came from. Timeouts are the part of a proxy that people get wrong because they stand in many places.

import type { Configuration, RouteConfiguration } from '../core/configuration.ts'
import { child } from './document.ts'
import { describeOrigin } from './effective.ts'
import type { EffectiveValue, Origins } from './effective.ts'

export interface TimeoutRow {
  /** Null for what holds everywhere. */
  readonly route: string | null
  readonly name: string
  readonly covers: string
  /** `10s`, or `off`. */
  readonly value: string
  /** As of any value; `learned` and `fixed` for what nobody writes. */
  readonly origin: string
}

/** What no word changes; the test holds these to the code. */
export const fixedTimeouts = {
  streamIdle: '5m', unread: '1m', tunnelHandshake: '1m', tunnelIdle: '5m',
} as const

/** The rows of everything, or of one route and what holds everywhere. */
export function timeoutsMap(
  configuration: Configuration, origins: Origins, only: string | null,
): readonly TimeoutRow[] {
  const all = rowsOf(origins, null)
  const routes = configuration.routes.flatMap((route, index) =>
    only === null || route.name === only ? routeRows(origins, route, index) : [])
  return [
    all.row('head', 'connection of a caller to the complete head of its request', '/timeouts/head'),
    all.row('body', 'between bytes of the body of a request', '/timeouts/idle'),
    ...routes,
    all.fixed('unread', 'an answer of which its caller takes nothing', fixedTimeouts.unread),
    all.fixed('tunnel handshake', 'the answer to an upgrade', fixedTimeouts.tunnelHandshake),
    all.fixed('tunnel idle', 'between bytes of a tunnel', fixedTimeouts.tunnelIdle),
    all.row('keep-alive caller', 'an unused connection of a caller', '/timeouts/keepAlive'),
    all.row('connection age', 'a connection of a caller; it ends with its next answer', '/timeouts/connectionAge'),
    all.row('drain.delay', 'signal to the first refusal', '/drain/delay'),
    all.row('drain.timeout', 'signal to the end of the process', '/drain/timeout'),
  ]
}

/** In the order in which a request meets them; what belongs to a mechanism that the route does not have is left out. */
function routeRows(origins: Origins, route: RouteConfiguration, index: number): readonly TimeoutRow[] {
  const at = `/routes/${index}`
  const up = child('/upstreams', route.upstream)
  const { row, fixed, learned } = rowsOf(origins, route.name)
  const has = (pointer: string): boolean => isThere(origins, pointer)
  const isKeyed = has(`${at}/idempotency`)
  return [
    row('deadline.default', 'head of the request to the end of the answer, callers that send none',
      `${at}/deadline/default`),
    row('deadline.max', 'the same, the most a caller may ask for', `${at}/deadline/max`),
    ...isKeyed ? [
      row('idempotency.wait', 'for the first answer, where the key is in flight', `${at}/idempotency/wait`),
      row('store', 'one operation on the store of the keys', '/stores/idempotency/timeout'),
    ] : [],
    ...has(`${up}/bulkhead`)
      ? [row('wait', 'in the queue, for a permit of the bulkhead', `${at}/shed`, `${up}/bulkhead/maxWait`)] : [],
    learned('wait, learned', 'in the queue: three to twelve times what an answer takes', '20ms to 500ms', `${at}/shed`,
      `${up}/limit`),
    row('startup', 'refused connections, until the upstream has answered once', `${up}/startup`),
    row('connect', 'a new connection to the upstream, TLS included', `${up}/timeouts/connect`),
    row('attempt', 'first byte sent to the head of the answer', `${at}/timeouts/attempt`, `${up}/timeouts/attempt`),
    ...has(`${at}/hedge`) ? [row('hedge', 'first attempt to the one beside it', `${at}/hedge/after`)] : [],
    ...has(`${at}/retry`) ? [row('retry', 'between two attempts, at most', `${at}/retry/backoff/max`)] : [],
    row('idle', 'between bytes of an answer', `${at}/timeouts/idle`, `${up}/timeouts/idle`),
    fixed('idle, streams', 'the same of a stream', fixedTimeouts.streamIdle),
    ...isKeyed ? [
      row('idempotency.recordTimeout', 'the answer waits for its record', `${at}/idempotency/recordTimeout`),
    ] : [],
    ...has(`${up}/health`) ? [row('health', 'one check of an endpoint', `${up}/health/timeout`)] : [],
    row('keep-alive upstream', 'an unused connection to the upstream', `${up}/timeouts/keepAlive`),
  ]
}

function rowsOf(origins: Origins, route: string | null): {
  /** The first of these that says something. */
  readonly row: (name: string, covers: string, ...pointers: readonly string[]) => TimeoutRow
  readonly fixed: (name: string, covers: string, value: string) => TimeoutRow
  /** Learned, unless one of these says `off`. */
  readonly learned: (name: string, covers: string, value: string, ...pointers: readonly string[]) => TimeoutRow
} {
  return {
    row: (name, covers, ...pointers) => {
      const found = pointers.map((pointer) => lookUp(origins, pointer)).filter((value) => value !== null)
      // What a route leaves open is its upstream's to say.
      const value = found.find(({ origin }) => origin.kind !== 'default') ?? found.at(-1)
      return {
        route, name, covers,
        value: value?.shown ?? 'off', origin: value === undefined ? 'default' : describeOrigin(value),
      }
    },
    fixed: (name, covers, value) => ({ route, name, covers, value, origin: 'fixed' }),
    learned: (name, covers, value, ...pointers) => {
      const off = pointers.map((pointer) => origins.get(pointer)).find((found) => found?.shown === 'off')
      return off === undefined
        ? { route, name, covers, value, origin: 'learned' }
        : { route, name, covers, value: 'off', origin: describeOrigin(off) }
    },
  }
}

/** Something is said under this key, and it is not `off`. */
function isThere(origins: Origins, pointer: string): boolean {
  if (origins.get(pointer)?.shown === 'off') return false
  for (const at of origins.keys()) if (at === pointer || at.startsWith(`${pointer}/`)) return true
  return false
}

/** The value itself, or the `off` of what it stands under. */
function lookUp(origins: Origins, pointer: string): EffectiveValue | null {
  const around = origins.get(pointer.slice(0, pointer.lastIndexOf('/')))
  return origins.get(pointer) ?? (around?.shown === 'off' ? around : null)
}
