// The door of an upstream for whoever stands at it: made once an upstream from its options, given other numbers when
// the configuration is read again, and shown in metrics and status.

import { defaultQueueBounds } from '../../algorithms/accepted-wait.ts'
import { EndpointLimits, endpointLimitsKey } from '../../algorithms/endpoint-limits.ts'
import { defaultLearning, defaultLimitBounds } from '../../algorithms/limit.ts'
import type { LimitBounds } from '../../algorithms/limit.ts'
import type { LineGroup } from '../../algorithms/waiting-line.ts'
import type { Figures } from '../../core/meter.ts'
import type { PolicyContext } from '../../core/policy.ts'
import { Door, doorKey } from './door.ts'
import type { DoorOptions } from './door.ts'
import { Readiness } from './readiness.ts'
import type { BulkheadOptions, BulkheadShare, LimitOptions } from './schema.ts'

/** Heads, and the first bytes of bodies, of those who wait at one upstream. */
const maxQueuedBytes = 64 * 2 ** 20

const defaultMaxQueue = 1024
const defaultMaxStreams = 10_000
const defaultStartupMs = 30_000

/** The door of the context's upstream, made once, and the group of its route. */
export function doorOf(context: PolicyContext): { door: Door; group: LineGroup } {
  const options = optionsOf(context)
  const limits = context.part(endpointLimitsKey + context.upstream, () => new EndpointLimits())
  const door = context.part(doorKey + context.upstream, () => new Door(options, limits, new Readiness({
    upstream: context.upstream,
    startupMs: (context.upstreamOptions['startup'] as number | undefined) ?? defaultStartupMs,
    probe: context.probe,
    clock: context.clock,
    announce: context.announce,
  }), context.clock))
  door.configure(options)
  const share = shareOf(context)
  // Routes without a share of their own stand in one group, so that the line has few of them to look through.
  return { door, group: door.admission.group(share < 1 ? context.route : '', share) }
}

/** What an upstream's gauges read. */
export function meterDoor({ meter, upstream }: PolicyContext, door: Door): void {
  meter.gauge('seawall_limit', { upstream }, () => {
    const { ceiling } = door.admission
    return door.limits.isOn ? Math.min(ceiling, Math.floor(door.limits.usable)) : ceiling
  })
  meter.gauge('seawall_limit_baseline_seconds', { upstream }, () => door.admission.limit.baselineMs / 1000)
}

/** Figures of the upstream as a whole, for status. */
export function figuresOf(door: Door): Figures {
  const { admission, readiness, limits } = door
  const { line, limit } = admission
  return {
    inFlight: admission.inUse + door.bypassing,
    limit: limits.isOn ? Math.round(limits.usable * 10) / 10 : 'none',
    baselineMs: Math.round(limit.baselineMs * 10) / 10,
    phase: limits.isOn ? limits.phase : 'off',
    ceiling: admission.ceiling === Infinity ? 'none' : admission.ceiling,
    queuedCritical: line.countAt(0),
    queuedDefault: line.countAt(1),
    queuedSheddable: line.countAt(2),
    queuedBytes: line.bytes,
    boundMs: Math.round(admission.boundMs),
    cutPart: Math.round(door.cohorts.part * 100) / 100,
    streams: door.streams,
    ghosts: door.ghosts,
    ready: readiness.isOpen ? 'yes' : 'not yet',
    waitingForStart: readiness.waiting,
  }
}

function shareOf({ routeOptions }: PolicyContext): number {
  return (ruleOf(routeOptions['bulkhead']) as BulkheadShare | undefined)?.share ?? 1
}

function optionsOf({ upstreamOptions }: PolicyContext): DoorOptions {
  const bulkhead = ruleOf(upstreamOptions['bulkhead']) as BulkheadOptions | undefined
  const written: LimitOptions | undefined = ruleOf(upstreamOptions['limit'])
  const limit = upstreamOptions['limit'] === 'off' ? null : written ?? {}
  return {
    admission: { ceiling: bulkhead?.maxConcurrent ?? Infinity, maxQueuedBytes, bounds: defaultQueueBounds },
    limit: limit === null ? null : { ...defaultLearning, ...boundsOf(limit) },
    bulkheadMaxWaitMs: bulkhead?.maxWait ?? 0,
    bulkheadMaxQueue: bulkhead?.maxQueue ?? defaultMaxQueue,
    maxStreams: limit?.maxStreams ?? defaultMaxStreams,
  }
}

/** A bound that is written holds against a default: whoever says `max: 5` means it. */
function boundsOf(options: LimitOptions): LimitBounds {
  const max = options.max ?? Math.max(defaultLimitBounds.max, options.min ?? 0)
  const min = Math.min(options.min ?? defaultLimitBounds.min, max)
  return { min, max, initial: Math.min(max, Math.max(min, options.initial ?? defaultLimitBounds.initial)) }
}

/** The options under a key that may say "off", or nothing. */
function ruleOf(value: unknown): object | undefined {
  return typeof value === 'object' && value !== null ? value : undefined
}
