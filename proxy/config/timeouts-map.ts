// All limits in time on one page, in the order in which a request meets them: what each covers, its value, and where
// that came from. Timeouts are the part of a proxy that people get wrong because they stand in many places.

import type { Configuration } from '../core/configuration.ts'
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
  readonly origin: string
}

/** The rows of everything, or of one route and what holds everywhere. */
export function timeoutsMap(
  configuration: Configuration, origins: Origins, only: string | null,
): readonly TimeoutRow[] {
  const row = (
    route: string | null, name: string, covers: string, ...pointers: readonly string[]
  ): TimeoutRow => {
    const value = pointers.map((pointer) => lookUp(origins, pointer)).find((found) => found !== null) ?? null
    return {
      route, name, covers,
      value: value?.shown ?? 'off', origin: value === null ? 'default' : describeOrigin(value),
    }
  }
  const rows = [
    row(null, 'head', 'connection of a caller to the complete head of its request', '/timeouts/head'),
    row(null, 'body', 'between bytes of the body of a request', '/timeouts/idle'),
  ]
  configuration.routes.forEach((route, index) => {
    if (only !== null && route.name !== only) return
    const at = `/routes/${index}`
    const up = child('/upstreams', route.upstream)
    rows.push(
      row(route.name, 'deadline.default', 'head of the request to the end of the answer, callers that send none',
        `${at}/deadline/default`),
      row(route.name, 'deadline.max', 'the same, the most a caller may ask for', `${at}/deadline/max`),
      row(route.name, 'wait', 'in the queue for a permit', `${up}/bulkhead/maxWait`),
      row(route.name, 'startup', 'refused connections, until the upstream has answered once', `${up}/startup`),
      row(route.name, 'connect', 'a new connection to the upstream, TLS included', `${up}/timeouts/connect`),
      row(route.name, 'attempt', 'first byte sent to the head of the answer', `${at}/timeouts/attempt`,
        `${up}/timeouts/attempt`),
      row(route.name, 'idle', 'between bytes of an answer', `${at}/timeouts/idle`, `${up}/timeouts/idle`),
      row(route.name, 'keep-alive upstream', 'an unused connection to the upstream', `${up}/timeouts/keepAlive`),
    )
  })
  rows.push(
    row(null, 'keep-alive caller', 'an unused connection of a caller', '/timeouts/keepAlive'),
    row(null, 'drain.delay', 'signal to the first refusal', '/drain/delay'),
    row(null, 'drain.timeout', 'signal to the end of the process', '/drain/timeout'),
  )
  return rows
}

/** The value itself, or the `off` of what it stands under. */
function lookUp(origins: Origins, pointer: string): EffectiveValue | null {
  const around = origins.get(pointer.slice(0, pointer.lastIndexOf('/')))
  return origins.get(pointer) ?? (around?.shown === 'off' ? around : null)
}
