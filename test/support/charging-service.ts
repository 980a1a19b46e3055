// A service that charges and keeps a ledger of what it has executed: it writes the row before it answers, and answers
// when a test lets it.

import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface ExecutedCharge {
  readonly id: string
  readonly key: string
  readonly bodyHash: string
}

export interface ChargingService {
  readonly url: string
  readonly ledger: ExecutedCharge[]
  /** How long it takes from the row to the answer; Infinity: it never answers. */
  delayMs: () => number
  /** Called when a row has been written. */
  onCharge: ((charge: ExecutedCharge) => void) | null
  /** How many rows a key has. */
  rowsOf(key: string): number
}

export async function chargingService(t: Test): Promise<ChargingService> {
  const ledger: ExecutedCharge[] = []
  const server = createServer((request, response) => { void charge(service, request, response) })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const service: ChargingService = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ledger, delayMs: () => 0, onCharge: null,
    rowsOf: (key) => ledger.filter((row) => row.key === key).length,
  }
  return service
}

async function charge(service: ChargingService, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of request) hash.update(chunk as Buffer)
  } catch {
    // The request broke off: nothing is executed for it.
    return
  }
  const key = request.headers['idempotency-key']
  const row = {
    id: `ch_${service.ledger.length + 1}`, key: typeof key === 'string' ? key : '', bodyHash: hash.digest('hex'),
  }
  service.ledger.push(row)
  service.onCharge?.(row)
  const delayMs = service.delayMs()
  if (delayMs === Infinity) return
  setTimeout(() => {
    const body = JSON.stringify({ id: row.id, bytes: '\u0000\u00ff' })
    response.writeHead(201, [
      'Content-Type', 'application/json', 'Location', `/charges/${row.id}`, 'X-Twice', 'a', 'x-twice', 'b',
      'Content-Length', String(Buffer.byteLength(body)),
    ])
    response.end(body)
  }, delayMs)
}
