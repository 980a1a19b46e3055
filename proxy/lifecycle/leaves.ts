// What sends to an upstream, made from its configuration: addresses taken apart, times with their defaults.

import type { Clock } from '../core/clock.ts'
import type { UpstreamConfiguration } from '../core/configuration.ts'
import type { Meter } from '../core/meter.ts'
import type { Random } from '../core/random.ts'
import type { Endpoint, Upstream } from '../core/upstream.ts'
import type { UpstreamTimeouts } from '../policies/timeouts/schema.ts'
import { createHttp1Upstream } from '../upstream/http1-upstream.ts'

/** The defaults of the schema, for configurations that were not read from a file. */
const defaults = { connectMs: 1_000, idleMs: 60_000, keepAliveMs: 4_000 }

/** What every leaf stands on. */
export interface LeafGround {
  readonly clock: Clock
  readonly random: Random
  readonly meter: Meter
}

export function leafOf(upstream: UpstreamConfiguration, { clock, random, meter }: LeafGround): Upstream {
  const { name } = upstream
  const waits = meter.histogram('seawall_connection_wait_seconds', { upstream: name })
  const options = upstream.options['timeouts']
  // `"off"` takes the limit from attempts; a connection that never opens or never moves would still hang for ever.
  const timeouts = (options === undefined || options === 'off' ? {} : options) as UpstreamTimeouts
  return createHttp1Upstream({
    name,
    endpoints: upstream.endpoints.map(endpointOf),
    host: upstream.host,
    timeouts: {
      connectMs: timeouts.connect ?? defaults.connectMs,
      idleMs: timeouts.idle ?? defaults.idleMs,
      keepAliveMs: timeouts.keepAlive ?? defaults.keepAliveMs,
    },
    tls: upstream.tls,
    http2: upstream.http2,
    onConnectionWait: (waitedMs) => { waits.observe(waitedMs) },
    clock,
    random,
  })
}

/** `http://127.0.0.1:3000` taken apart. Throws on what the loader would have refused. */
export function endpointOf(text: string): Endpoint {
  const url = new URL(text)
  const isSecure = url.protocol === 'https:'
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return { url: url.origin, host, port, isSecure }
}
