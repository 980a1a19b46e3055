// What becomes of each field of a request on one route, worked out once: which names are looked at, what is done with
// them, which lines of ours are added. Heads themselves are built in request-head.ts.

import type { Forwarding } from '../core/plan.ts'
import { isHopByHop } from '../core/hop-by-hop.ts'
import { tokenCharacter, valueCharacter } from '../http1/characters.ts'
import type { ForwardedChoice } from './forwarded-lines.ts'

/** What is done with a field of the caller. Numbers, because a switch over them runs for every field. */
export const drop = 1
export const te = 2
export const forwardedFor = 3
export const forwardedProto = 4
export const forwardedHost = 5
export const forwarded = 6
export const traceparent = 7
export const tracestate = 8
export const timeout = 9
/** Passes where the peer is believed. */
export const believed = 10

const ours: ReadonlyMap<string, number> = new Map([
  ['x-forwarded-for', forwardedFor],
  ['x-forwarded-proto', forwardedProto],
  ['x-forwarded-host', forwardedHost],
  ['x-forwarded-port', believed],
  ['forwarded', forwarded],
  ['traceparent', traceparent],
  ['tracestate', tracestate],
  ['x-request-id', drop],
  ['x-request-timeout-ms', timeout],
  ['x-envoy-expected-rq-timeout-ms', timeout],
  ['x-envoy-attempt-count', drop],
  ['host', drop],
  ['content-length', drop],
  ['expect', drop],
  ['te', te],
])

const endHere = [
  'connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'http2-settings',
  'proxy-authenticate', 'proxy-authorization', 'proxy-authentication-info',
]

/** Fields that frame or address a message: no configuration sets them here. */
const untouchable: ReadonlySet<string> = new Set(['host', 'content-length', 'expect', 'te', 'via'])

export interface HeadRecipe {
  readonly host: string | null
  /** Without a slash at its end; '' for none. */
  readonly stripPrefix: string
  /** Lower-case name → what to do; a name that is not in it passes. */
  readonly actions: ReadonlyMap<string, number>
  /** By length of a name: 0 when no name of `actions` has it. Lengths beyond the table have to be looked up. */
  readonly lengths: Uint8Array
  /** The Via line by the version the request came in (RFC 9110 section 7.6.3). */
  readonly viaLines: readonly string[]
  /** The fields the route sets, as lines. */
  readonly setLines: string
  readonly wanted: ForwardedChoice
  readonly addsRequestId: boolean
  readonly addsTrace: boolean
  readonly addsAttemptCount: boolean
  readonly addsTimeout: boolean
  readonly addsEnvoyTimeout: boolean
}

const receivedProtocol = ['1.0', '1.1', '2'] as const

/** Works out a route's recipe. Throws when a configured field or host cannot stand in a head. */
export function recipeOf(forwarding: Forwarding): HeadRecipe {
  const actions = new Map(ours)
  for (const name of endHere) actions.set(name, drop)
  for (const name of forwarding.requestRemove) if (name !== 'te') actions.set(name, drop)
  const lengths = new Uint8Array(256)
  for (const name of actions.keys()) if (name.length < lengths.length) lengths[name.length] = 1
  if (forwarding.host !== null) mustBeValue('host', forwarding.host)
  // Whoever removes or sets a field that is also ours has the last word on it.
  const adds = (name: string): boolean => !forwarding.requestRemove.has(name)
  return {
    host: forwarding.host,
    stripPrefix: forwarding.stripPrefix.replace(/\/+$/, ''),
    actions,
    lengths,
    viaLines: receivedProtocol.map((version) => `via: ${version} ${forwarding.via}\r\n`),
    setLines: linesOf(forwarding),
    wanted: {
      for: adds('x-forwarded-for'),
      proto: adds('x-forwarded-proto'),
      host: adds('x-forwarded-host'),
      forwarded: adds('forwarded'),
    },
    addsRequestId: adds('x-request-id'),
    addsTrace: adds('traceparent'),
    addsAttemptCount: adds('x-envoy-attempt-count'),
    addsTimeout: adds('x-request-timeout-ms'),
    addsEnvoyTimeout: adds('x-envoy-expected-rq-timeout-ms'),
  }
}

function linesOf(forwarding: Forwarding): string {
  let lines = ''
  for (let i = 0; i < forwarding.requestSet.length; i += 2) {
    const name = forwarding.requestSet[i] as string
    const value = forwarding.requestSet[i + 1] as string
    mustBeValue(name, value)
    if (name === '' || !every(name, tokenCharacter)) {
      throw new Error(`Cannot set request header ${JSON.stringify(name)}: expected a field name`)
    }
    const lower = name.toLowerCase()
    if (!isHopByHop(lower) && !untouchable.has(lower)) lines += `${name}: ${value}\r\n`
  }
  return lines
}

function mustBeValue(name: string, value: string): void {
  if (every(value, valueCharacter)) return
  throw new Error(`Cannot set request header "${name}": expected bytes without control characters, got `
    + JSON.stringify(value))
}

function every(text: string, table: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (table[text.charCodeAt(i)] !== 1) return false
  return true
}
