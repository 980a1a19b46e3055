// A small HTTP server that plays one dependency in tests: it records every request and answers what the test says, when
// the test says it. It knows no contract of its own.

import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface StubRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Record<string, unknown>
}

/** `reset` cuts the connection; `raw` is sent as it stands, also when it is no JSON. */
export type StubAnswer = 'reset' | { readonly status: number, readonly json?: unknown, readonly raw?: string }

export type StubBehaviour = (request: StubRequest) => StubAnswer | Promise<StubAnswer>

export interface Stub {
  readonly url: string
  readonly requests: StubRequest[]
  /** May be replaced at any time; holds for requests from then on. */
  behaviour: StubBehaviour
  /** The first request, past or future, whose "METHOD URL" starts with `start`. */
  request(start: string): Promise<StubRequest>
  close(): Promise<void>
}

export async function startStub(behaviour: StubBehaviour): Promise<Stub> {
  const waiters = new Set<() => void>()
  const server = createServer((request, response) => void serve(request, response))
  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await readRequest(incoming)
    stub.requests.push(request)
    for (const wake of waiters) wake()
    deliver(await stub.behaviour(request), response)
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stub: Stub = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    behaviour,
    request: (start) => new Promise((resolve) => {
      const look = (): void => {
        const found = stub.requests.find((request) => `${request.method} ${request.url}`.startsWith(start))
        if (found === undefined) return
        waiters.delete(look)
        resolve(found)
      }
      waiters.add(look)
      look()
    }),
    close: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }
  return stub
}

async function readRequest(incoming: IncomingMessage): Promise<StubRequest> {
  let text = ''
  for await (const chunk of incoming) text += String(chunk)
  return {
    method: incoming.method ?? '',
    url: incoming.url ?? '',
    headers: incoming.headers,
    body: text === '' ? {} : JSON.parse(text) as Record<string, unknown>
  }
}

function deliver(answer: StubAnswer, response: ServerResponse): void {
  if (answer === 'reset') {
    response.socket?.destroy()
    return
  }
  response.writeHead(answer.status, { 'content-type': 'application/json' })
  response.end(answer.raw ?? (answer.json === undefined ? '' : JSON.stringify(answer.json)))
}
