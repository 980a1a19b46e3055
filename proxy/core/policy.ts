// What a mechanism is: a Gate stands at the entrance of a scope, a Layer wraps the handler because it must call it not
// at all, again, or twice. Both are made once, when the configuration loads; a request only walks them.

import type { TSchema } from 'typebox'
import type { Announce } from './announce.ts'
import type { Clock } from './clock.ts'
import type { House } from './house.ts'
import type { Figures, Meter } from './meter.ts'
import type { Answer, Outcome, PolicyName, Refused, Reply } from './outcome.ts'
import type { Random } from './random.ts'
import type { Course, Scope, Verdict } from './scope.ts'
import type { EndpointOptions } from './configuration.ts'
import type { CheckResult, Endpoint, Send } from './upstream.ts'
import type { RecordStore } from './record-store.ts'
import type { TokenLease } from './token-lease.ts'
import type { Work } from './work.ts'
import type { AttemptKind } from './attempt.ts'

export interface Gate<S extends Scope> {
  readonly name: PolicyName
  /** Lets the scope in, refuses it, answers it, or keeps it. Never a promise. `shadow`: observe, never act. */
  admit(scope: S, now: number, shadow: boolean): Verdict
  /** Once: at the head of the answer, the failure or the cut. What breakers, limits and budgets learn from. */
  judge?(scope: S, outcome: Outcome, now: number): void
  /** Once: when the work behind the gate is over (last byte, socket closed) or has become a counted stream. */
  release?(scope: S, now: number): void
  /** The scope ended while it waited here: leave the line. */
  cancel?(scope: S, now: number): void
  /** While it waits here its class has risen. Lets nobody in by that. */
  raised?(scope: S): void
  /** After `judge` of a good answer: its body broke. */
  spoiled?(scope: S, now: number): void
  /** An attempt waits for its caller, goes on, or has become a stream. Told only while it changes something. */
  turned?(scope: S, into: Course, now: number): void
  /** After someone else's wait: is it still true? Null: yes. */
  recheck?(scope: S, now: number): null | Answer
}

/** Resolves always; a rejection is a bug. */
export type Handler = (work: Work, kind: AttemptKind) => Promise<Outcome>

/** Runs at load, not per request. */
export type Layer = (next: Handler) => Handler

/** What a policy is given when it is made. */
export interface PolicyContext {
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  readonly house: House
  /** Where records of keys are kept; null: no route asks for it. */
  readonly records: RecordStore | null
  /** Tries to open a connection to the upstream; resolves to null when it was accepted, else to what was seen. */
  readonly probe: () => Promise<string | null>
  /** Whether the route serves callers of the service, or the service itself. */
  readonly listenerKind: 'ingress' | 'egress'
  /** Whether any listener serves the service's own calls. */
  readonly hasEgress: boolean
  /** Name of the route it stands on, and of the upstream behind that route. */
  readonly route: string
  readonly upstream: string
  /** Options of this policy, of other keys of the same route and of its upstream, validated and in ms and bytes. */
  readonly routeOptions: RouteOptions
  readonly upstreamOptions: UpstreamOptions
  /** Whether this policy only observes on this route; `admit` is told the same. */
  readonly shadow: boolean
  /** State that outlives a reload, shared by all who name the same key; `make` runs when there is none yet. */
  part<T>(key: string, make: () => T): T
  /** The endpoints of the upstream now, as the leaf knows them. */
  readonly endpoints: () => readonly Endpoint[]
  /** Calls `changed` whenever they are others, in place of what was asked for before; null: they never change. */
  readonly watchEndpoints: ((changed: () => void) => void) | null
  /** What the configuration says of each of them, in their order; absent where it says nothing. */
  readonly endpointOptions: readonly (EndpointOptions | undefined)[]
  /** Asks that endpoint with a GET of its own; never rejects. */
  readonly check: (endpoint: Endpoint, path: string, timeoutMs: number) => Promise<CheckResult>
  /** What is counted beside attempts and exchanges; bound here, at load. */
  readonly meter: Meter
  /** Where limits are shared with other instances; null: nowhere. */
  readonly sharing: { readonly lease: TokenLease | null; readonly turned: (isUp: boolean) => void } | null
  /** Figures for /admin/status: of this upstream (`route` null) or of one route; read when somebody looks. */
  show(name: string, route: string | null, inspect: () => Figures): void
}

/** The answer to give instead of this refusal; null: the refusal it is. */
export type AtDoor = (work: Work, refused: Refused) => Reply | null

/** What a layer is given when it is made. */
export interface LayerContext extends PolicyContext {
  /** Everything that stands behind this layer, against another upstream; for failover. */
  readonly beneath: (upstream: string) => Handler
}

/** Validated options as a policy reads them: by its own key, typed by its own schema. */
export type OptionBag = { readonly [key: string]: unknown }
export type RouteOptions = OptionBag
export type UpstreamOptions = OptionBag

/** One mechanism: where it stands, what it may be told, and how it is made. */
export interface PolicyDefinition<S extends Scope> {
  readonly name: PolicyName
  /** The keys it reads under a route and under an upstream, with their schemas. */
  readonly routeSchema?: Readonly<Record<string, TSchema>>
  readonly upstreamSchema?: Readonly<Record<string, TSchema>>
  /** Null: nothing to do on this route, and then it costs nothing. */
  create(context: PolicyContext): Gate<S> | null
}

/** One mechanism that stands where the wire begins, in the place of the upstream. */
export interface LeafDefinition {
  readonly name: PolicyName
  readonly routeSchema?: Readonly<Record<string, TSchema>>
  readonly upstreamSchema?: Readonly<Record<string, TSchema>>
  /** Null: nothing to do on this route. `next` sends. */
  create(context: PolicyContext, next: Send): Send | null
}

/** One mechanism that wraps the handler. */
export interface LayerDefinition {
  readonly name: PolicyName
  readonly routeSchema?: Readonly<Record<string, TSchema>>
  readonly upstreamSchema?: Readonly<Record<string, TSchema>>
  /** Null: nothing to do on this route, and then it costs nothing. In observe mode (`shadow`) it calls next once. */
  create(context: LayerContext): Layer | null
  /** What it says instead of a refusal at the doors, where layers are not reached; absent or null: nothing. */
  atDoor?(context: PolicyContext): AtDoor | null
}
