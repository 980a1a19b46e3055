// One listening port: reads requests from node:http, sends each to control, inspection or the exchange, and closes in
// bounded time. Plain node:http, since resets and truncated answers need the socket that a framework would hide.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { StartTimetable } from './control.ts'
import { CONTROL_PATH, control } from './control.ts'
import { runExchange } from './exchange.ts'
import { sendAnswer } from './faults.ts'
import type { PortState } from './port-state.ts'
import { readBody } from './request-body.ts'
import type { Inspection, Service, ServiceRequest } from './service.ts'
import { errorAnswer } from './service.ts'

export type PortKind = 'provider' | 'fraud' | 'webhook'

/** Known only when every port listens and the ledger is open; requests that come earlier wait for it. */
export interface Backing {
  readonly service: Service
  readonly startTimetable: StartTimetable
}

export class Port {
  readonly kind: PortKind
  readonly state: PortState
  readonly #server: Server
  readonly #backing: Promise<Backing>
  readonly #notice: (text: string) => void

  constructor(kind: PortKind, state: PortState, backing: Promise<Backing>, notice: (text: string) => void) {
    this.kind = kind
    this.state = state
    this.#backing = backing
    this.#notice = notice
    this.#server = createServer((request, response) => void this.#accept(request, response))
    // The only faults are those of the behaviour: an idle connection must not be closed under a client's next request.
    this.#server.keepAliveTimeout = 75_000
  }

  get name(): string {
    return this.state.name
  }

  /** The port listened on; 0 before `listen`. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0
  }

  /** Rejects with a message for the operator when the address cannot be bound. */
  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException): void => {
        const reason = error.code === 'EADDRINUSE' ? 'the port is in use' : error.message
        reject(new Error(`Cannot listen on ${host}:${port} for ${this.name}: ${reason}`, { cause: error }))
      }
      this.#server.once('error', fail)
      this.#server.listen({ host, port, backlog: 1_024 }, () => {
        this.#server.off('error', fail)
        resolve()
      })
    })
  }

  /** Stops accepting, lets requests in flight finish until `graceOver`, then ends what remains. */
  async close(graceOver: Promise<unknown>): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise((resolve) => this.#server.close(resolve))
    await Promise.race([this.state.idle(), graceOver])
    this.state.close()
    this.#server.closeAllConnections()
    await closed
    // A row that is being written is still written: the exchange ends only then.
    await this.state.idle()
  }

  async #accept(message: IncomingMessage, response: ServerResponse): Promise<void> {
    // Writing to a client that left is not a fault of ours; the exchange sees it by the closed connection.
    response.on('error', () => {})
    try {
      await this.#dispatch(message, response, await this.#backing)
    } catch (error) {
      this.#notice(`${this.name}: ${message.method} ${message.url} failed: ${String(error)}`)
      response.destroy()
    }
  }

  async #dispatch(message: IncomingMessage, response: ServerResponse, backing: Backing): Promise<void> {
    const body = await readBody(message)
    if (body === 'aborted') return
    const url = readUrl(message)
    if (body === 'too-large' || url === null) {
      response.setHeader('connection', 'close')
      const [status, code] = url === null ? ([400, 'invalid_path'] as const) : ([413, 'body_too_large'] as const)
      const answer = errorAnswer(status, code, 'Cannot read the request')
      await sendAnswer(response, answer, { type: 'normal' }, this.state.pauses)
      return
    }
    const request = this.#toRequest(message, url, body)
    if (request.path === CONTROL_PATH || request.path.startsWith(`${CONTROL_PATH}/`)) {
      const answer = control(request, this.state, backing.startTimetable)
      await sendAnswer(response, answer, { type: 'normal' }, this.state.pauses)
      return
    }
    const inspection = backing.service.inspect(request)
    if (inspection !== null) await sendInspection(response, inspection)
    else await runExchange(this.state, backing.service, request, response)
  }

  #toRequest(message: IncomingMessage, url: URL, body: Buffer): ServiceRequest {
    const key = message.headers['idempotency-key']
    return {
      method: message.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      key: typeof key === 'string' ? key : null,
      body,
      port: this.port,
      dedupe: this.state.behaviour.dedupe,
    }
  }
}

function readUrl(message: IncomingMessage): URL | null {
  return URL.parse(message.url ?? '/', 'http://simulator')
}

async function sendInspection(response: ServerResponse, { status, pieces }: Inspection): Promise<void> {
  response.writeHead(status, { 'content-type': 'application/json' })
  try {
    await pipeline(Readable.from(pieces), response)
  } catch {
    // The experimenter left before the last piece; the stream has closed both sides.
  }
}
