// The whole simulator in one process: the ports of one payment provider over one ledger, a fraud service and a webhook
// target. Starts, steers and closes them, for the command as for tests; it answers no request itself.

import { setTimeout as sleep } from 'node:timers/promises'
import type { BehaviourInput } from './behaviour.ts'
import { parseBehaviour } from './behaviour.ts'
import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import type { Complaint } from './field-checks.ts'
import { InvalidInput } from './field-checks.ts'
import { Fraud } from './fraud.ts'
import type { Ledger } from './ledger.ts'
import { openLedger } from './ledger.ts'
import type { Backing, PortKind } from './port.ts'
import { Port } from './port.ts'
import { PortState } from './port-state.ts'
import { Provider } from './provider.ts'
import { parseTimetable, readPortNames } from './timetable.ts'
import { Webhook } from './webhook.ts'

export interface SimulatorOptions {
  readonly host?: string
  /** Ports of the provider, at least one; 0 takes a free one. Default three free ones. */
  readonly providerPorts?: readonly number[]
  readonly fraudPort?: number
  readonly webhookPort?: number
  /** File of the ledger; created with its folder when missing, read when there. */
  readonly ledgerPath: string
  /** Integer from 0 to 2^32 - 1; the same seed gives the nth request of a port the same chances. Default 1. */
  readonly seed?: number
  /** `[{ at, port?, behaviour }, …]`, begun when all ports listen; without `port`: every provider port. */
  readonly timetable?: unknown
  /** How long `close` lets requests in flight finish, in milliseconds of real time. Default 1,000. */
  readonly closeGraceMs?: number
  readonly clock?: Clock
  /** Told what an operator should read: a dropped row, a failed request. Default: nothing is told. */
  readonly notice?: (text: string) => void
}

export interface SimulatedPort {
  readonly name: string
  readonly kind: PortKind
  readonly port: number
  readonly url: string
}

export interface Simulator {
  readonly providers: readonly SimulatedPort[]
  readonly fraud: SimulatedPort
  readonly webhook: SimulatedPort
  readonly ledger: Ledger
  /**
   * Replaces the behaviour of a port, given by number or name ("provider-2", "fraud"), or of all provider ports
   * ("provider"). Throws InvalidInput that names every wrong field.
   */
  setBehaviour(port: number | string, behaviour: BehaviourInput): void
  /** Stops listening, ends every request and wait within the grace, flushes the ledger. May be called twice. */
  close(): Promise<void>
}

/** Starts everything, or nothing: rejects with a message for the operator after closing what was open. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const host = options.host ?? '127.0.0.1'
  const clock = options.clock ?? systemClock
  const notice = options.notice ?? (() => {})
  const opening = Promise.withResolvers<ReadonlyMap<PortKind, Backing>>()
  // Rejected only when the start fails, which the caller hears of by its own promise.
  opening.promise.catch(() => {})
  const makePort = (kind: PortKind, name: string): Port => {
    const backing = opening.promise.then((backings) => pick(backings, kind))
    backing.catch(() => {})
    return new Port(kind, new PortState(name, options.seed ?? 1, clock), backing, notice)
  }
  const numbers = options.providerPorts ?? [0, 0, 0]
  const providers = numbers.map((_, index) => makePort('provider', `provider-${index + 1}`))
  const fraud = makePort('fraud', 'fraud')
  const webhook = makePort('webhook', 'webhook')
  const ports = [...providers, fraud, webhook]
  const graceMs = options.closeGraceMs ?? 1_000
  try {
    const wanted = [...numbers, options.fraudPort ?? 0, options.webhookPort ?? 0]
    for (const [index, port] of ports.entries()) await port.listen(host, wanted[index] ?? 0)
    // Timetable and ledger only now: a second simulator fails on its ports before it touches the first one's file.
    const startTimetable = (value: unknown, whenUnnamed: string): void => begin(value, whenUnnamed, ports)
    if (options.timetable !== undefined) startTimetable(options.timetable, 'provider')
    const ledger = await openLedger(options.ledgerPath, clock, notice)
    opening.resolve(openBackings(ledger, clock, startTimetable))
    const describe = (port: Port): SimulatedPort => describePort(port, host)
    return {
      providers: providers.map(describe),
      fraud: describe(fraud),
      webhook: describe(webhook),
      ledger,
      setBehaviour: (port, behaviour) => setBehaviour(ports, port, behaviour),
      close: once(() => closeAll(ports, graceMs, ledger)),
    }
  } catch (error) {
    opening.reject(error)
    await closeAll(ports, 0, null)
    throw error
  }
}

function openBackings(
  ledger: Ledger,
  clock: Clock,
  startTimetable: Backing['startTimetable'],
): ReadonlyMap<PortKind, Backing> {
  return new Map<PortKind, Backing>([
    ['provider', { service: new Provider(ledger), startTimetable }],
    ['fraud', { service: new Fraud(), startTimetable }],
    ['webhook', { service: new Webhook(clock), startTimetable }],
  ])
}

function pick(backings: ReadonlyMap<PortKind, Backing>, kind: PortKind): Backing {
  const backing = backings.get(kind)
  if (backing === undefined) throw new Error(`Cannot serve: no service of kind ${kind}`)
  return backing
}

function describePort(port: Port, host: string): SimulatedPort {
  const authority = host.includes(':') ? `[${host}]` : host
  return { name: port.name, kind: port.kind, port: port.port, url: `http://${authority}:${port.port}` }
}

function begin(value: unknown, whenUnnamed: string, ports: readonly Port[]): void {
  const steps = parseTimetable(value, ports, whenUnnamed)
  for (const port of ports) {
    const own = steps.get(port.name)
    if (own !== undefined) port.state.timetable.start(own)
  }
}

function setBehaviour(ports: readonly Port[], target: number | string, input: BehaviourInput): void {
  const complaints: Complaint[] = []
  const names = readPortNames(target, 'port', ports, complaints)
  if (complaints.length > 0) throw new InvalidInput('port', complaints)
  const behaviour = parseBehaviour(input)
  for (const port of ports) {
    if (names.includes(port.name)) port.state.behave(behaviour)
  }
}

async function closeAll(ports: readonly Port[], graceMs: number, ledger: Ledger | null): Promise<void> {
  const aborter = new AbortController()
  // Real time even under a test's clock: closing must end though nobody advances that one.
  const graceOver = sleep(graceMs, undefined, { signal: aborter.signal }).catch(() => {})
  await Promise.all(ports.map((port) => port.close(graceOver)))
  aborter.abort()
  await ledger?.close()
}

function once(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | null = null
  return () => (closing ??= close())
}
