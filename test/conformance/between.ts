// Seawall between a caller and an origin that both speak bytes: a whole instance in this process, over real sockets,
// with the times of a test. What a test of conformance says is what goes over the two wires, and nothing else.

import type { Test } from 'tap'
import { systemClock } from '../../proxy/core/clock.ts'
import type { Clock } from '../../proxy/core/clock.ts'
import { systemRandom } from '../../proxy/core/random.ts'
import type { Configuration } from '../../proxy/core/configuration.ts'
import type { EdgeServer } from '../../proxy/edge/edge-server.ts'
import { Instance } from '../../proxy/lifecycle/instance.ts'
import { PolicyMeter } from '../../proxy/observe/policy-meter.ts'
import { configurationOf, Recorder } from '../support/plans.ts'
import type { Sketch } from '../support/plans.ts'
import { RawClient } from '../support/raw-client.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import type { RawOrigin, Received } from '../support/raw-origin.ts'

export interface BetweenOptions {
  readonly limits?: Partial<Configuration['limits']>
  readonly timeouts?: Partial<Configuration['timeouts']>
  readonly listener?: Partial<Configuration['listeners'][number]>
  readonly route?: NonNullable<Sketch['routes']>[number]
  readonly routes?: NonNullable<Sketch['routes']>
  readonly upstream?: Record<string, unknown>
  readonly clock?: Clock
}

export type Answering = (request: Received, count: number) => string | Buffer | undefined

export const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** Everything a test of both wires needs. */
export class Between {
  readonly origin: RawOrigin
  readonly instance: Instance
  readonly record: Recorder
  /** What the instance counts. */
  readonly meter: PolicyMeter
  readonly port: number
  /** Codes of what was refused before a route was known. */
  readonly unrouted: string[]
  readonly defects: unknown[]
  readonly #t: Test

  constructor(
    t: Test, origin: RawOrigin, instance: Instance,
    { record, meter, unrouted, defects }: Pick<Between, 'record' | 'meter' | 'unrouted' | 'defects'>,
  ) {
    this.#t = t
    this.origin = origin
    this.instance = instance
    this.record = record
    this.meter = meter
    this.unrouted = unrouted
    this.defects = defects
    this.port = Number(new URL(this.server.address).port)
  }

  /** The one listener. */
  get server(): EdgeServer { return this.instance.listeners.servers[0] as EdgeServer }

  /** A caller that has sent these bytes. */
  caller(bytes: string | Buffer = ''): RawClient {
    const client = new RawClient(this.port)
    this.#t.teardown(() => client.destroy())
    return bytes.length === 0 ? client : client.write(bytes)
  }

  /** One exchange on a connection of its own: everything that came until it ended or was one whole answer. */
  async ask(bytes: string): Promise<string> {
    const client = this.caller(bytes)
    const received = await client.answer()
    client.destroy()
    return received
  }

  /** A connection that is expected to be closed: everything that came. */
  async askToTheEnd(bytes: string): Promise<string> {
    const client = this.caller(bytes)
    const received = await client.closed()
    client.destroy()
    return received
  }

  /** Whether these bytes are refused with this status, the connection closed, and the origin left in peace. */
  async refuses(bytes: string, status: number | RegExp, what = JSON.stringify(bytes.slice(0, 80))): Promise<void> {
    const before = this.origin.received.length
    const received = await this.askToTheEnd(bytes)
    this.#t.match(received, new RegExp(`^HTTP/1\\.1 (?:${String(status).replace(/\//g, '')}) [^\\0]*connection: close`),
      `${what} is ${status}`)
    this.#t.equal(received.split(/HTTP\/1\.1 \d\d\d /).length, 2, `${what} has one answer`)
    this.#t.equal(this.origin.received.length, before, `${what} reaches nobody`)
  }

  /** Whether the next good request on a connection of its own is served. */
  async serves(): Promise<void> {
    this.#t.match(await this.ask(get('/good')), /^HTTP\/1\.1 200 /, 'the next request is served')
  }
}

/** A configuration in force between a raw origin and whoever connects; taken away at the end of the test. */
export async function between(t: Test, answer: Answering = () => ok, options: BetweenOptions = {}): Promise<Between> {
  const origin = await rawOrigin(t, answer)
  return inFrontOfOrigin(t, origin, options)
}

/** The same in front of an origin that a test has scripted by itself. */
export async function inFrontOfOrigin(t: Test, origin: RawOrigin, options: BetweenOptions = {}): Promise<Between> {
  const sketched = configurationOf({
    routes: options.routes ?? [options.route ?? {}],
    upstreams: [{
      name: 'service', endpoints: [origin.url], startupMs: 0,
      // What learns of a hostile origin would stand between it and the test.
      options: { limit: 'off', breaker: 'off', ...options.upstream },
    }],
  })
  const configuration: Configuration = {
    ...sketched,
    listeners: sketched.listeners.map((listener) => ({ ...listener, ...options.listener })),
    limits: { ...sketched.limits, ...options.limits },
    timeouts: { ...sketched.timeouts, ...options.timeouts },
  }
  const record = new Recorder()
  const meter = new PolicyMeter()
  const unrouted: string[] = []
  const defects: unknown[] = []
  const instance = new Instance({
    configuration, clock: options.clock ?? systemClock, random: systemRandom, observer: record, meter,
    announce: (said) => { if (said.what === 'defect') defects.push(said.error) },
    unrouted: (code) => { unrouted.push(code) },
  })
  await instance.start()
  t.teardown(() => instance.stop())
  return new Between(t, origin, instance, { record, meter, unrouted, defects })
}

/** The real clock, which a test can put forward: what takes a minute need not take one. */
export class SkewedClock implements Clock {
  #skewMs = 0
  now(): number { return systemClock.now() + this.#skewMs }
  wallMs(): number { return systemClock.wallMs() }
  after(...args: Parameters<Clock['after']>): ReturnType<Clock['after']> { return systemClock.after(...args) }
  endOfTurn(...args: Parameters<Clock['endOfTurn']>): ReturnType<Clock['endOfTurn']> {
    return systemClock.endOfTurn(...args)
  }
  forward(ms: number): void { this.#skewMs += ms }
}

/** A request without a body; each of `fields` is a whole line. */
export function get(target: string, ...fields: string[]): string {
  return request('GET', target, ...fields)
}

export function request(method: string, target: string, ...fields: string[]): string {
  return [`${method} ${target} HTTP/1.1`, 'Host: a.test', ...fields, '', ''].join('\r\n')
}

/** A chunked body of these pieces. */
export function chunked(...pieces: string[]): string {
  return [...pieces, ''].map((piece) => `${piece.length.toString(16)}\r\n${piece}${piece === '' ? '' : '\r\n'}`).join(
    '')
    + '\r\n'
}

/** The lines of a message's head, the first among them, and what is behind it. */
export function partsOf(message: string): { readonly lines: readonly string[]; readonly body: string } {
  const headEnd = message.indexOf('\r\n\r\n')
  return { lines: message.slice(0, headEnd).split('\r\n'), body: message.slice(headEnd + 4) }
}

/** Values of every field of this lower-case name in a message, in order. */
export function valuesOf(message: string, name: string): string[] {
  return partsOf(message).lines.slice(1)
    .filter((line) => line.toLowerCase().startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trim())
}
