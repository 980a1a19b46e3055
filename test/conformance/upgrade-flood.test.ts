// Rows X4 and I5: thousands of handshakes at once. As many tunnels as an upstream may have are opened, whoever is one
// too many is told why, and nobody else notices.

import { test } from 'tap'
import type { Test } from 'tap'
import { ask, eventually } from '../support/asking.ts'
import { parseMetrics } from '../support/metrics-page.ts'
import { RawClient } from '../support/raw-client.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { residentMiB } from '../support/resident.ts'
import { inFrontOf, startSeawall } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'
import { get, ok } from './between.ts'

const handshake = get('/chat', 'Connection: Upgrade', 'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13')
const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const mostTunnels = 1024

/** So many handshakes at once, each on a connection of its own; resolves when all have been answered. */
async function flood(t: Test, port: number, count: number): Promise<{ open: RawClient[]; refused: string[] }> {
  const clients = Array.from({ length: count }, () => new RawClient(port).write(handshake))
  t.teardown(() => { for (const client of clients) client.destroy() })
  await Promise.all(clients.map((client) => client.answer(30_000)))
  const isOpen = (client: RawClient): boolean => client.received.startsWith('HTTP/1.1 101 ')
  const refused = clients.filter((client) => !isOpen(client))
  await Promise.all(refused.map((client) => client.closed()))
  for (const client of refused) client.destroy()
  return { open: clients.filter(isOpen), refused: refused.map(({ received }) => received) }
}

async function tunnelsOf(seawall: SeawallProcess): Promise<number> {
  return parseMetrics((await ask(seawall.ports['admin'] as number, '/metrics')).body).sum('seawall_tunnels')
}

test('X4 I5 a flood of handshakes opens a bounded number of tunnels, costs little and nobody else', {
  timeout: 90_000,
}, async (t) => {
  const origin = await rawOrigin(t, ({ text }) => /upgrade: websocket/i.test(text) ? switching : ok)
  const seawall = await startSeawall(t, inFrontOf(origin.url, {
    // A thousand connections at once take a busy machine longer than the second that one may take.
    upstream: { limit: 'off', breaker: 'off', timeouts: { connect: '20s' } },
    top: { limits: { connections: 10_000, connectionsPerCaller: 10_000 }, accessLog: 'off' },
  }))
  const port = seawall.ports['public'] as number
  t.equal((await ask(port, '/before')).status, 200)
  const before = residentMiB(seawall)

  const first = await flood(t, port, 2_500)
  t.equal(first.open.length, mostTunnels)
  t.equal(first.refused.length, 2_500 - mostTunnels)
  for (const text of first.refused) {
    if (/^HTTP\/1\.1 503 [^]*connection: close[^]*"bulkhead\.full"/.test(text)) continue
    t.fail(`not told why: ${text}`)
    break
  }
  t.equal(await tunnelsOf(seawall), mostTunnels)
  const full = residentMiB(seawall)
  t.ok(full - before < 128, `${mostTunnels} tunnels take ${(full - before).toFixed(0)} MiB`)

  const others = otherRequests(t, port)
  for (let wave = 0; wave < 3; wave++) t.equal((await flood(t, port, 1_500)).open.length, 0, 'none of a later wave')
  const answers = await others.stop()
  t.ok(answers.length >= 3, `${answers.length} other requests meanwhile`)
  t.strictSame(answers.filter((text) => !text.startsWith('HTTP/1.1 200 ')), [], 'all of them served')
  const grown = residentMiB(seawall) - full
  t.ok(grown < 48, `4,500 refusals later: ${grown.toFixed(0)} MiB more`)

  for (const client of first.open) client.destroy()
  await eventually('all tunnels are closed', async () => await tunnelsOf(seawall) === 0)
  await eventually('the origin is rid of them', () => origin.sockets.size < 10)
  t.equal((await flood(t, port, 1)).open.length, 1, 'there is room again')
})

/** Asks for something ordinary on one connection, again and again, until it is stopped. */
function otherRequests(t: Test, port: number): { stop(): Promise<string[]> } {
  const state = { isStopped: false }
  const answers: string[] = []
  const client = new RawClient(port)
  t.teardown(() => { client.destroy() })
  const asking = (async () => {
    while (!state.isStopped) {
      client.received = ''
      answers.push(await client.write(get('/other')).answer(30_000))
    }
  })()
  return {
    stop: async () => {
      state.isStopped = true
      await asking
      return answers
    },
  }
}
