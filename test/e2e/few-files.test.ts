// A process that may open few files, and more callers than that: whoever is too many is closed and counted, and probes,
// admin and the upstream are reached all the while.

import { connect } from 'node:net'
import { test } from 'tap'
import { ask, eventually } from '../support/asking.ts'
import { parseMetrics } from '../support/metrics-page.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { inFrontOf, startSeawall } from '../support/seawall.ts'

const files = 160
const by = ['/bin/sh', '-c', `ulimit -n ${files}; exec "$@"`, 'sh']

test('more callers than files leave the admin listener, the upstream and who is let in alone', async (t) => {
  const origin = await rawOrigin(t, () => 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
  const seawall = await startSeawall(t, inFrontOf(origin.url), { by })
  const [port, admin] = [seawall.ports['public'] as number, seawall.ports['admin'] as number]
  await seawall.until(/"what":"connections-bounded","configured":10000,"connections":48,"openFiles":160/)
  const flood = Array.from({ length: 400 }, () => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => {})
    socket.resume()
    t.teardown(() => { socket.destroy() })
    return socket
  })
  const most = Math.floor((files - 64) / 2)
  await eventually('what is too much is closed', () => flood.filter(({ closed }) => closed).length >= 400 - most)
  t.equal((await ask(admin, '/readyz')).status, 200)
  const page = parseMetrics((await ask(admin, '/metrics')).body)
  t.equal(page.sum('seawall_connections_refused_total', { limit: 'connections' }), 400 - most)
  const held = flood.find(({ closed }) => !closed)
  held?.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
  let answer = ''
  held?.on('data', (chunk: Buffer) => { answer += chunk.toString() })
  await eventually('who is let in is served', () => answer.endsWith('ok'))
})
