// One listening port: what it does with requests that are too large, incomplete, pipelined or oddly addressed.

import { connect } from 'node:net'
import { test } from 'tap'
import { MAX_BODY_BYTES } from './request-body.ts'
import { call, order, sendRaw, start, until } from './test-bench.ts'

test('a body over the bound is refused and the connection closed', async (t) => {
  const { providers, ledger } = await start(t)
  const raw = sendRaw(t, providers[0]!.port, '/v1/charges', { ...order('r'), note: 'x'.repeat(MAX_BODY_BYTES) })
  await until(() => raw.ended() !== 'open')
  t.match(raw.received(), /^HTTP\/1\.1 413 /)
  t.equal(ledger.summary().count, 0)
})

test('a request whose client left before its end is not executed', async (t) => {
  const { providers, ledger } = await start(t)
  const { port, url } = providers[0]!
  const text = JSON.stringify(order('r'))
  const socket = connect({ port, host: '127.0.0.1' })
  socket.write(`POST /v1/charges HTTP/1.1\r\nhost: p\r\ncontent-length: ${text.length + 1}\r\n\r\n${text}`)
  socket.resume().end()
  await new Promise((resolve) => socket.once('close', resolve))
  t.match((await call('GET', `${url}/_control`)).body, { inFlight: 0, counters: { received: 0 } })
  t.equal(ledger.summary().count, 0)
})

test('pipelined requests are answered in order, one of them slow', async (t) => {
  const simulator = await start(t)
  const { port } = simulator.providers[0]!
  simulator.setBehaviour(port, { latency: { type: 'uniform', meanMs: 10 } })
  const socket = connect({ port, host: '127.0.0.1' })
  t.teardown(() => socket.destroy())
  let text = ''
  socket.setEncoding('utf8').on('data', (piece: string) => void (text += piece))
  const references = Array.from({ length: 8 }, (_, i) => `r${i}`)
  const requests = references.map((reference) => {
    const body = JSON.stringify(order(reference))
    return `POST /v1/charges HTTP/1.1\r\nhost: p\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  })
  socket.write(requests.join(''))
  await until(() => text.split('HTTP/1.1 201').length === 9 && text.endsWith('}'))
  t.same([...text.matchAll(/"reference":"(r\d)"/g)].map((match) => match[1]), references)
})

test('a target that is no path is answered, not crashed upon', async (t) => {
  const { providers } = await start(t)
  for (const target of ['//', 'http://[', '/v1/charges/%', '*']) {
    const raw = sendRaw(t, providers[0]!.port, target)
    await until(() => raw.received() !== '')
    t.match(raw.received(), /^HTTP\/1\.1 40[04] /, target)
  }
})
