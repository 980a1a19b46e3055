// An instance that is told to leave while something is under way, as the tests of its drain need it.

import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { ask, eventually } from './asking.ts'
import { RawClient } from './raw-client.ts'
import { rawOrigin } from './raw-origin.ts'
import type { SeawallProcess } from './seawall.ts'

export const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** An origin that answers /slow when the test says so. */
export interface SlowOrigin {
  readonly url: string
  /** Requests for /slow that wait. */
  readonly held: Socket[]
  release(): void
  /** Takes no more connections. */
  refuse(): void
}

export async function slowOrigin(t: Test): Promise<SlowOrigin> {
  const held: Socket[] = []
  const origin = await rawOrigin(t, ({ text, socket }) => {
    if (!text.startsWith('GET /slow')) return ok
    held.push(socket)
    return undefined
  })
  return {
    url: origin.url, held, refuse: () => { origin.server.close() },
    release: () => { for (const socket of held.splice(0)) socket.write(ok) },
  }
}

export function drainOf(delay: string, timeout = '20s'): { top: object } {
  return { top: { drain: { delay, timeout } } }
}

export async function slowRequest(seawall: SeawallProcess, origin: SlowOrigin): Promise<RawClient> {
  const client = new RawClient(seawall.ports['public'] as number)
  client.write('GET /slow HTTP/1.1\r\nhost: a\r\n\r\n')
  await eventually('the request is upstream', () => origin.held.length > 0)
  return client
}

export function withEgress(service: string, provider: string): object {
  return {
    drain: { delay: '0s', timeout: '20s' },
    listeners: {
      public: { kind: 'ingress', listen: '127.0.0.1:PORT:public' },
      provider: { kind: 'egress', listen: '127.0.0.1:PORT:provider' },
    },
    upstreams: { service: { endpoints: [service] }, provider: { endpoints: [provider] } },
    routes: [
      { name: 'in', listener: 'public', match: { path: '/*' }, upstream: 'service' },
      { name: 'out', listener: 'provider', match: { path: '/*' }, upstream: 'provider' },
    ],
  }
}

/** Whether it says so. */
export async function isLeaving(seawall: SeawallProcess): Promise<boolean> {
  const ready = await ask(seawall.ports['admin'] as number, '/readyz')
  return ready.status === 503 && ready.body.includes('draining')
}

/** Waits until new requests are refused; the last such answer. */
export async function untilRefusing(seawall: SeawallProcess): Promise<Awaited<ReturnType<typeof ask>>> {
  let last: Awaited<ReturnType<typeof ask>> | null = null
  await eventually('new requests are refused', async () => {
    last = await ask(seawall.ports['public'] as number, '/')
    return last.status === 503
  })
  return last as unknown as Awaited<ReturnType<typeof ask>>
}
