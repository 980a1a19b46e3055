// What becomes of a name that stands for several addresses: which endpoints it is, how they come and go, and what an
// attempt to one of them looks like from the other side.

import type { LookupAddress } from 'node:dns'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { test } from 'tap'
import type { Test } from 'tap'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { systemClock } from '../core/clock.ts'
import type { Endpoint } from '../core/upstream.ts'
import { originOf } from '../core/upstream.ts'
import { answer, turn } from './fixtures/leaf-bench.ts'
import { leafOptions, Sent } from './fixtures/leaf-fixture.ts'
import { testCertificate, testKey } from './fixtures/test-certificate.ts'
import { createHttp1Upstream } from './http1-upstream.ts'
import { mostAddresses, NamedEndpoints } from './named-endpoints.ts'

const v4 = (...addresses: readonly string[]): LookupAddress[] => addresses.map((address) => ({ address, family: 4 }))
const v6 = (...addresses: readonly string[]): LookupAddress[] => addresses.map((address) => ({ address, family: 6 }))
const failing = (code: string): Error => Object.assign(new Error(code), { code })
const named: Endpoint = { url: 'http://a.test:80', host: 'a.test', port: 80, isSecure: false }
const fixed: Endpoint = { url: 'http://10.0.0.9:80', host: '10.0.0.9', port: 80, isSecure: false }

/** The names of an upstream, and a resolver whose answers a test gives by hand. */
class Names {
  readonly clock = new VirtualClock()
  answer: Error | LookupAddress[]
  asked = 0
  changes = 0
  endpoints: readonly Endpoint[]
  readonly names: NamedEndpoints

  constructor(first: Error | LookupAddress[], endpoints: readonly Endpoint[] = [named]) {
    this.answer = first
    this.endpoints = endpoints
    this.names = new NamedEndpoints({
      endpoints, clock: this.clock, random: () => 0.5,
      lookup: (_name, answered) => {
        this.asked++
        if (this.answer instanceof Error) answered(this.answer, [])
        else answered(null, this.answer)
      },
      changed: (changed) => {
        this.endpoints = changed
        this.changes++
      },
    })
    this.names.begin()
  }

  get addresses(): (string | undefined)[] { return this.endpoints.map(({ address }) => address) }

  /** The next question, and its answer. */
  async next(given: Error | LookupAddress[]): Promise<void> {
    this.answer = given
    await this.clock.run(this.clock.now() + 5_000)
  }
}

test('a name with one address is one endpoint, as configured', (t) => {
  const names = new Names(v4('10.0.0.1'))
  t.equal(names.endpoints[0], named)
  t.equal(names.changes, 0)
  t.equal(new Names([...v6('::1'), ...v4('127.0.0.1')]).endpoints[0], named, 'one of each family: the sockets choose')
  t.end()
})

test('a name with several addresses is an endpoint for each, under the name', (t) => {
  const { endpoints } = new Names(v4('10.0.0.1', '10.0.0.2'), [fixed, named])
  t.strictSame(endpoints.map(({ url }) => url), [fixed.url, 'http://a.test:80#10.0.0.1', 'http://a.test:80#10.0.0.2'])
  t.ok(endpoints.slice(1).every(({ host, port }) => host === 'a.test' && port === 80))
  t.strictSame(endpoints.map(originOf), [fixed.url, named.url, named.url])
  t.notOk(endpoints.some(({ isLatecomer }) => isLatecomer === true), 'who is there at first comes late nowhere')
  t.end()
})

test('of two families the one is taken that the resolver prefers', (t) => {
  const both = [...v6('fd00::1', 'fd00::2'), ...v4('10.0.0.1', '10.0.0.2')]
  t.strictSame(new Names(both).addresses, ['fd00::1', 'fd00::2'])
  t.strictSame(new Names(both.toReversed()).addresses, ['10.0.0.2', '10.0.0.1'])
  t.end()
})

test('an address that comes is a latecomer, and those that are there stay who they are', async (t) => {
  const names = new Names(v4('10.0.0.1', '10.0.0.2'))
  const [first, second] = names.endpoints
  await names.next(v4('10.0.0.3', '10.0.0.2', '10.0.0.1'))
  t.equal(names.endpoints[0], first)
  t.equal(names.endpoints[1], second)
  t.match(names.endpoints[2], { address: '10.0.0.3', isLatecomer: true })
  await names.next(v4('10.0.0.2', '10.0.0.3', '10.0.0.1'))
  t.equal(names.changes, 2, 'the same addresses in another order are no change')
})

test('the second of a name that had one is a latecomer, and the first is not', async (t) => {
  const names = new Names(v4('10.0.0.1'))
  await names.next(v4('10.0.0.1', '10.0.0.2'))
  t.strictSame(names.endpoints.map(({ isLatecomer }) => isLatecomer), [false, true])
})

test('an address goes when two answers in a row are without it', async (t) => {
  const names = new Names(v4('10.0.0.1', '10.0.0.2', '10.0.0.3'))
  await names.next(v4('10.0.0.1', '10.0.0.2'))
  t.equal(names.endpoints.length, 3)
  await names.next(v4('10.0.0.1', '10.0.0.2'))
  t.strictSame(names.addresses, ['10.0.0.1', '10.0.0.2'])
  await names.next(v4('10.0.0.1'))
  await names.next(v4('10.0.0.1'))
  t.equal(names.endpoints[0], named, 'the last of several is the name again')
})

test('a resolver that fails changes nothing, however long; a name that is gone has no addresses', async (t) => {
  const names = new Names(v4('10.0.0.1', '10.0.0.2'))
  for (let i = 0; i < 1_000; i++) await names.next(failing('EAI_AGAIN'))
  t.strictSame(names.addresses, ['10.0.0.1', '10.0.0.2'])
  await names.next(failing('ENOTFOUND'))
  t.equal(names.endpoints.length, 2, 'it may be a slip')
  await names.next(failing('ENOTFOUND'))
  t.equal(names.endpoints[0], named, 'whose connections say so')
})

test('no more than so many addresses of one name are endpoints, and those that were first stay', async (t) => {
  const many = Array.from({ length: 100 }, (_, i) => `10.0.1.${i}`)
  const names = new Names(v4(...many))
  t.equal(names.endpoints.length, mostAddresses)
  const before = names.endpoints
  await names.next(v4(...many.toReversed()))
  t.equal(names.endpoints, before)
})

test('it asks every five seconds, one question at a time, for names alone, until it is closed', async (t) => {
  const names = new Names(v4('10.0.0.1'), [fixed, named])
  await names.clock.run(50_000)
  t.equal(names.asked, 11)
  names.names.close()
  await names.clock.run(100_000)
  t.equal(names.asked, 11)
  t.equal(names.clock.pending, 0)
})

/** One origin on each of these addresses of loopback, all at one port. */
async function origins(
  t: Test, addresses: readonly string[], serve: (socket: Socket, at: string) => void,
): Promise<number> {
  let port = 0
  for (const address of addresses) {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      serve(socket, address)
    })
    await new Promise<void>((resolve) => { server.listen(port, address, resolve) })
    port = (server.address() as AddressInfo).port
    t.teardown(() => { server.close() })
  }
  return port
}

test('each address is asked at its own, for the name, and keeps its own connections', async (t) => {
  const heads: string[] = []
  const port = await origins(t, ['127.0.0.1', '127.0.0.2'], (socket, at) => {
    socket.on('data', (chunk) => {
      heads.push(`${at} ${/^host: (.*)$/im.exec(chunk.toString())?.[1]}`)
      socket.write(answer(at))
    })
  })
  const endpoints = [{ url: `http://a.test:${port}`, host: 'a.test', port, isSecure: false }]
  const upstream = createHttp1Upstream({
    ...leafOptions([], { endpoints }), lookup: (_name, answered) => { answered(null, v4('127.0.0.1', '127.0.0.2')) },
  })
  t.teardown(() => { upstream.close() })
  t.equal(upstream.endpoints.length, 2)
  for (const at of [0, 1, 0, 1]) {
    const sent = new Sent({ authority: `a.test:${port}` })
    sent.attempt.endpoint = upstream.endpoints[at] as Endpoint
    upstream.send(sent.attempt)
    t.equal((await sent.body()).text, `127.0.0.${at + 1}`)
    await sent.closed
  }
  t.strictSame(heads, [1, 2, 1, 2].map((n) => `127.0.0.${n} a.test:${port}`))
  t.match(upstream.inspect(), { connectionsOpened: 2, connectionsReused: 2 })
})

test('an address that goes finishes what it has, and gets nothing more', async (t) => {
  const clock = new VirtualClock()
  const peers: Socket[] = []
  const port = await origins(t, ['127.0.0.1', '127.0.0.2', '127.0.0.3'], (socket) => {
    socket.on('data', () => { peers.push(socket) })
  })
  let addresses = v4('127.0.0.1', '127.0.0.2', '127.0.0.3')
  const endpoints = [{ url: `http://a.test:${port}`, host: 'a.test', port, isSecure: false }]
  const upstream = createHttp1Upstream({
    ...leafOptions([], { endpoints, clock }), lookup: (_name, answered) => { answered(null, addresses) },
  })
  let told = 0
  upstream.watch?.(() => { told++ })
  const sent = new Sent({}, clock)
  sent.attempt.endpoint = upstream.endpoints[2] as Endpoint
  upstream.send(sent.attempt)
  while (peers.length === 0) await turn()
  addresses = addresses.slice(0, 2)
  await clock.run(20_000)
  t.equal(told, 1)
  t.equal(upstream.endpoints.length, 2)
  t.match(upstream.inspect(), { connections: 1, busy: 1 })
  peers[0]?.write(answer('late'))
  t.equal((await sent.body()).text, 'late')
  await sent.closed
  await clock.run(30_000)
  t.match(upstream.inspect(), { connections: 0, connectionsOpened: 1 })
  upstream.close()
  t.equal(clock.pending, 0)
})

test('the certificate of every address is that of the name', async (t) => {
  const seen: unknown[] = []
  const origin = createTlsServer({ key: testKey, cert: testCertificate }, (socket) => {
    seen.push(socket.servername)
    socket.on('error', () => {})
    socket.on('data', () => { socket.write(answer('hi')) })
  })
  await new Promise<void>((resolve) => { origin.listen(0, '0.0.0.0', resolve) })
  t.teardown(() => { origin.close() })
  const { port } = origin.address() as AddressInfo
  for (const [host, fault] of [['origin.test', null], ['other.test', 'upstream.tls']] as const) {
    const endpoints = [{ url: `https://${host}:${port}`, host, port, isSecure: true }]
    const upstream = createHttp1Upstream({
      ...leafOptions([], { endpoints }), tls: { ca: testCertificate },
      lookup: (_name, answered) => { answered(null, v4('127.0.0.1', '127.0.0.2')) },
    })
    for (const endpoint of upstream.endpoints) {
      const sent = new Sent({})
      sent.attempt.endpoint = endpoint
      upstream.send(sent.attempt)
      if (fault === null) t.equal((await sent.body()).text, 'hi')
      else t.equal(await sent.fault(), fault)
    }
    upstream.close()
  }
  t.strictSame(seen.filter((name) => name === 'origin.test').length, 2)
})

test('whoever waits for a start is content with any address of the name', async (t) => {
  const port = await origins(t, ['127.0.0.2'], () => {})
  const endpoints = [{ url: `http://a.test:${port}`, host: 'a.test', port, isSecure: false }]
  const upstream = createHttp1Upstream({
    ...leafOptions([], { endpoints }), lookup: (_name, answered) => { answered(null, v4('127.0.0.1', '127.0.0.2')) },
  })
  t.teardown(() => { upstream.close() })
  t.equal(await upstream.probe(1_000), null)
})

test('an upstream of addresses alone never asks anybody, and has nothing to watch', async (t) => {
  const upstream = createHttp1Upstream({ ...leafOptions([1]), lookup: () => { t.fail('asked') } })
  t.equal(upstream.watch, undefined)
  upstream.close()
  await new Promise<void>((resolve) => { systemClock.endOfTurn(resolve) })
})
