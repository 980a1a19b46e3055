// What callers hear while the service is not there: before its first answer it is only starting, afterwards its absence
// is said at once, in one vocabulary.

import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { test } from 'tap'
import type { Test } from 'tap'
import { ask, eventually, codeOf } from '../support/asking.ts'
import type { Answered } from '../support/asking.ts'
import { freePorts } from '../support/free-port.ts'
import { RawClient } from '../support/raw-client.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { inFrontOf, startSeawall } from '../support/seawall.ts'

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** A service that is not there until it is started, and can be taken away again. */
class Service {
  readonly port: number
  readonly url: string
  readonly #sockets = new Set<Socket>()
  readonly #server: Server

  constructor(t: Test, port: number) {
    this.port = port
    this.url = `http://127.0.0.1:${port}`
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('data', () => socket.write(ok))
    })
    t.teardown(() => this.stop())
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.on('error', reject)
      this.#server.listen(this.port, '127.0.0.1', resolve)
    })
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      for (const socket of this.#sockets) socket.destroy()
    })
  }
}

async function absentService(t: Test): Promise<Service> {
  const [port] = await freePorts(1)
  return new Service(t, port as number)
}

/** One of ours: a problem document of that code, the same code in Proxy-Status, an id to ask for it by. */
function isProblem(t: Test, answer: Answered, status: number, code: string): void {
  t.equal(answer.status, status)
  t.equal(answer.headers['content-type'], 'application/problem+json')
  t.equal(codeOf(answer), code)
  t.match(answer.headers['proxy-status'], new RegExp(`^seawall; error=[a-z_]+; details="${code}"$`))
  t.match(answer.headers['x-request-id'], /^[0-9a-f]{32}$/)
  t.equal(Number(answer.headers['content-length']), answer.body.length)
}

test('requests wait for a service that starts later than we', async (t) => {
  const service = await absentService(t)
  const seawall = await startSeawall(t, inFrontOf(service.url))
  const waiting = Array.from({ length: 5 }, () => ask(seawall.ports['public'] as number, '/'))
  let isAnswered = false
  for (const one of waiting) void one.then(() => { isAnswered = true })
  // The time that the service takes to start is what this test is about.
  await new Promise((resolve) => { setTimeout(resolve, 700) })
  t.notOk(isAnswered, 'nobody has been told anything yet')
  await service.start()
  const answers = await Promise.all(waiting)
  t.strictSame([...new Set(answers.map(({ status }) => status))], [200])
  t.ok(answers.every(({ tookMs }) => tookMs < 2_500), 'they went on as soon as it was there')
})

test('the wait for a start has an end', async (t) => {
  const service = await absentService(t)
  const seawall = await startSeawall(t, inFrontOf(service.url, { upstream: { startup: '300ms' } }))
  const first = await ask(seawall.ports['public'] as number, '/')
  isProblem(t, first, 502, 'upstream.refused')
  t.ok(first.tookMs >= 290, `it waited for its time (${first.tookMs} ms)`)
  t.ok(first.tookMs < 2_000, `and not much longer (${first.tookMs} ms)`)
  const second = await ask(seawall.ports['public'] as number, '/')
  isProblem(t, second, 502, 'upstream.refused')
  t.ok(second.tookMs < 200, `the next one does not wait again (${second.tookMs} ms)`)
})

test('a service that has answered and is gone is said at once', async (t) => {
  const service = await absentService(t)
  await service.start()
  const seawall = await startSeawall(t, inFrontOf(service.url, { upstream: { breaker: 'off' } }))
  t.equal((await ask(seawall.ports['public'] as number, '/')).status, 200)
  await service.stop()
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(seawall.ports['public'] as number, '/')))
  for (const answer of answers) {
    isProblem(t, answer, 502, 'upstream.refused')
    t.ok(answer.tookMs < 200, `${answer.tookMs} ms`)
  }
})

test('a service that stays away is soon no longer asked, and used again by itself', async (t) => {
  const service = await absentService(t)
  await service.start()
  const seawall = await startSeawall(t, inFrontOf(service.url))
  const port = seawall.ports['public'] as number
  t.equal((await ask(port, '/')).status, 200)
  await service.stop()
  const codes: string[] = []
  for (let i = 0; i < 20; i++) codes.push(codeOf(await ask(port, '/')))
  t.equal(codes[0], 'upstream.refused')
  t.equal(codes.at(-1), 'breaker.open')
  await service.start()
  await eventually('it is probed and used again', async () => (await ask(port, '/')).status === 200)
})

test('a name that does not exist is said to be just that', async (t) => {
  const seawall = await startSeawall(t, inFrontOf('http://nohost.invalid:80', { upstream: { startup: '1ms' } }))
  isProblem(t, await ask(seawall.ports['public'] as number, '/'), 502, 'upstream.dns')
})

test('an attempt has its time and an exchange its deadline', async (t) => {
  const origin = await rawOrigin(t, ({ text }) => text.startsWith('GET /never') ? undefined : ok)
  const seawall = await startSeawall(t, inFrontOf(origin.url, {
    upstream: { timeouts: { attempt: '300ms' } }, route: { deadline: { max: '5s' } },
  }))
  const port = seawall.ports['public'] as number
  const late = await ask(port, '/never')
  isProblem(t, late, 504, 'upstream.timeout')
  t.ok(late.tookMs >= 290 && late.tookMs < 1_500, `${late.tookMs} ms`)
  const expired = await ask(port, '/never', { headers: { 'x-request-timeout-ms': '150' } })
  isProblem(t, expired, 504, 'deadline.expired')
  t.ok(expired.tookMs >= 140 && expired.tookMs < 1_000, `${expired.tookMs} ms`)
  for (const name of ['x-request-timeout-ms', 'x-envoy-expected-rq-timeout-ms']) {
    const sent = Number(new RegExp(`\r\n${name}: (\\d+)\r\n`).exec(origin.last)?.[1])
    t.ok(sent > 0 && sent <= 150, `upstream was told what remained: ${name} ${sent}`)
  }
  t.equal((await ask(port, '/')).status, 200, 'and the next request is served')
})

const malformed: readonly (readonly [string, string])[] = [
  ['garbage', '\x16\x03\x01 this is not HTTP\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nokk'],
  ['a length and a coding', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a head without colon', 'HTTP/1.1 200 OK\r\nnonsense\r\ncontent-length: 2\r\n\r\nok'],
]

test('an answer that is no HTTP is not passed on', async (t) => {
  const origin = await rawOrigin(t, ({ text }) => malformed[Number(/^GET \/(\d)/.exec(text)?.[1])]?.[1] ?? ok)
  const seawall = await startSeawall(t, inFrontOf(origin.url, { upstream: { breaker: 'off' } }))
  for (const [i, [name]] of malformed.entries()) {
    const answer = await ask(seawall.ports['public'] as number, `/${i}`)
    t.equal(answer.status, 502, name)
    t.equal(codeOf(answer), 'upstream.malformed', name)
  }
  t.equal((await ask(seawall.ports['public'] as number, '/')).status, 200)
})

test('an answer that breaks in its middle looks broken to the caller', async (t) => {
  const heads = ['content-length: 100\r\n\r\nhalf of it', 'transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n']
  const origin = await rawOrigin(t, ({ text, socket }) => {
    const head = heads[Number(/^GET \/(\d)/.exec(text)?.[1])] ?? ''
    socket.write(`HTTP/1.1 200 OK\r\n${head}`, () => {
      if (text.startsWith('GET /0')) socket.end()
      else socket.destroy()
    })
    return undefined
  })
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  for (const i of [0, 1]) {
    const client = new RawClient(seawall.ports['public'] as number)
    client.write(`GET /${i} HTTP/1.1\r\nhost: a\r\n\r\n`)
    const received = await client.closed()
    client.destroy()
    // A reset may overtake the bytes before it; no caller takes that for an answer.
    if (received === '' && client.end === 'reset') continue
    t.match(received, /^HTTP\/1\.1 200 OK\r\n/, 'the head was out before')
    t.match(received, /half/, 'with what had come')
    t.notMatch(received, /\r\n0\r\n/, 'and no end that would make it whole')
    if (i === 0) t.match(received, /\r\ncontent-length: 100\r\n/i)
  }
  await t.rejects(ask(seawall.ports['public'] as number, '/0'), 'a client library sees a failure')
  await t.rejects(ask(seawall.ports['public'] as number, '/1'), 'a client library sees a failure')
})
