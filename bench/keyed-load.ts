// Callers that repeat a charge until they have an answer, and a service that keeps a ledger of what it executed: what
// both have seen is for the checker of histories to judge. The service lives in this process, so that no kill reaches
// it.
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Row, Seen } from '../test/support/key-history.ts'

export interface LedgerService {
  readonly port: number
  readonly ledger: Row[]
  close(): void
}

/** Answers after 0 to `mostMs` milliseconds; the row is written first. */
export async function ledgerService(mostMs: number): Promise<LedgerService> {
  const ledger: Row[] = []
  const server = createServer((incoming, response) => {
    incoming.on('error', () => {}).resume().on('end', () => {
      const key = incoming.headers['idempotency-key']
      const id = `ch_${ledger.length + 1}`
      ledger.push({ id, key: typeof key === 'string' ? key : '' })
      setTimeout(() => response.writeHead(201, { 'content-type': 'application/json' }).end(`{"id":"${id}"}`),
        Math.random() * mostMs)
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return {
    port: (server.address() as AddressInfo).port, ledger,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

export interface KeyedLoad {
  readonly keys: number
  readonly duplicates: number
  /** All begin within this time. */
  readonly spreadMs: number
  /** Nobody begins anew after this time. */
  readonly patienceMs: number
  /** The ports to choose from, now: a process that was killed may be away. */
  readonly ports: () => readonly number[]
}

/** Every caller repeats until it has a success or is told that nobody knows; what each saw, in the order of the end. */
export async function chargeAll(load: KeyedLoad): Promise<Seen[]> {
  const seen: Seen[] = []
  const end = performance.now() + load.spreadMs + load.patienceMs
  const one = async (key: string): Promise<void> => {
    await pause(Math.random() * load.spreadMs)
    while (performance.now() < end) {
      const ports = load.ports()
      const answer = await charge(ports[Math.floor(Math.random() * ports.length)] ?? 0, key)
      seen.push(answer)
      const isOver = (answer.status >= 200 && answer.status < 300) || answer.code === 'idempotency.outcome-unknown'
      if (isOver) return
      await pause(20 + Math.random() * 100)
    }
  }
  await Promise.all(Array.from({ length: load.keys * load.duplicates }, (_, i) => one(`key-${i % load.keys}`)))
  return seen
}

function charge(port: number, key: string): Promise<Seen> {
  const startedAt = performance.now()
  const base = { key, fingerprint: 'same', startedAt }
  return new Promise((resolve) => {
    const none = (): void => {
      resolve({ ...base, endedAt: performance.now(), status: 0, code: '', body: '', keyStatus: '', executionId: '' })
    }
    const headers = { 'idempotency-key': key, 'content-type': 'application/json' }
    const options = { host: '127.0.0.1', port, path: '/charge', method: 'POST', headers, agent: false }
    const sent = request(options, (answer) => {
      let body = ''
      answer.setEncoding('latin1').on('data', (chunk: string) => { body += chunk }).on('error', none).on('end', () => {
        const isOurs = answer.headers['content-type'] === 'application/problem+json'
        resolve({
          ...base, endedAt: performance.now(), status: answer.statusCode ?? 0, body,
          code: isOurs ? (JSON.parse(body) as { code: string }).code : '',
          keyStatus: String(answer.headers['idempotency-status'] ?? ''), executionId: /ch_\d+/.exec(body)?.[0] ?? '',
        })
      })
    })
    sent.on('error', none).setTimeout(10_000, () => { sent.destroy() })
    sent.end('{"amount":1}')
  })
}
