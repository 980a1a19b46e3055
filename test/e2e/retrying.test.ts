// Retries, hedges, failover and fallback over real sockets: what goes over the wire a second time is what went before,
// and the caller sees one answer, whole.

import { createHash } from 'node:crypto'
import { test } from 'tap'
import type { Test } from 'tap'
import { ask, codeOf } from '../support/asking.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import type { RawOrigin, Received } from '../support/raw-origin.ts'
import { inFrontOf, startSeawall } from '../support/seawall.ts'

const ok = (body = 'ok', fields = ''): string =>
  `HTTP/1.1 200 OK\r\n${fields}content-length: ${body.length}\r\n\r\n${body}`
const status = (code: number, fields = ''): string => `HTTP/1.1 ${code} No\r\n${fields}content-length: 4\r\n\r\nbusy`

/** A Seawall in front of these origins, with these layers. */
async function serve(
  t: Test, origins: readonly RawOrigin[], route: object, upstream: object = {}, top: object = {},
): Promise<number> {
  const endpoints = origins.map(({ url }) => url)
  const configuration = inFrontOf('', { route, upstream: { endpoints, ...upstream }, top })
  return (await startSeawall(t, configuration)).ports['public'] as number
}

const bodyOf = ({ text }: Received): string => text.slice(text.indexOf('\r\n\r\n') + 4)
const digest = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex')

test('a body is sent again byte for byte, with a length and in chunks', async (t) => {
  const origin = await rawOrigin(t, ({ socket }, count) => {
    if (count % 2 === 1) socket.resetAndDestroy()
    return count % 2 === 1 ? undefined : ok()
  })
  const port = await serve(t, [origin], { retry: { maxAttempts: 3 } })
  const body = Array.from({ length: 60_000 }, (_, i) => String.fromCharCode(33 + (i * 31) % 90)).join('')
  const sized = await ask(port, '/sized', { method: 'PUT', headers: { 'content-length': 60_000 }, body })
  t.equal(sized.status, 200)
  t.equal(origin.received.length, 2)
  const [first, second] = origin.received.map(bodyOf)
  t.equal(second?.length, first?.length)
  t.equal(digest(second ?? ''), digest(first ?? ''))
  const chunked = await ask(port, '/chunked', { method: 'PUT', headers: { 'transfer-encoding': 'chunked' }, body })
  t.equal(chunked.status, 200)
  t.equal(origin.received.length, 4)
  t.equal(digest(bodyOf(origin.received[3] as Received)), digest(bodyOf(origin.received[2] as Received)))
})

test('a body beyond the bound is sent once, and the caller is told what befell', async (t) => {
  const origin = await rawOrigin(t, ({ socket }) => {
    socket.resetAndDestroy()
    return undefined
  })
  const port = await serve(t, [origin], { retry: { maxAttempts: 3, maxBodyBytes: '1KiB' } })
  const answer = await ask(port, '/', { method: 'PUT', body: 'x'.repeat(4_000) })
  t.equal(codeOf(answer), 'upstream.reset')
  t.equal(origin.received.length, 1)
})

test('a reset before the head is made good, a reset behind it is seen by the caller', async (t) => {
  const origin = await rawOrigin(t, ({ text, socket }, count) => {
    if (text.startsWith('GET /half')) {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () => { socket.resetAndDestroy() })
      return undefined
    }
    if (count === 1) socket.resetAndDestroy()
    return count === 1 ? undefined : ok('whole')
  })
  const port = await serve(t, [origin], { retry: { maxAttempts: 3 } })
  t.equal((await ask(port, '/')).body, 'whole')
  await t.rejects(ask(port, '/half'), 'never a half answer passed as whole')
  t.equal(origin.received.filter(({ text }) => text.startsWith('GET /half')).length, 1, 'and not sent again')
})

test('what changes something is sent once, or with one key of ours where that is declared', async (t) => {
  const origin = await rawOrigin(t, ({ socket }, count) => {
    if (count !== 3) socket.resetAndDestroy()
    return count === 3 ? ok() : undefined
  })
  const plain = await serve(t, [origin], { retry: {} })
  t.equal(codeOf(await ask(plain, '/', { method: 'POST', body: 'pay' })), 'upstream.reset')
  t.equal(origin.received.length, 1)
  const keyed = await serve(t, [origin], { retry: {} }, { deduplicates: {} })
  t.equal((await ask(keyed, '/', { method: 'POST', body: 'pay' })).status, 200)
  const keys = origin.received.slice(1).map(({ text }) => /\r\nidempotency-key: ([^\r]+)\r\n/i.exec(text)?.[1])
  t.equal(keys.length, 2)
  t.match(keys[0], /^[0-9a-f-]{36}$/)
  t.equal(keys[0], keys[1])
})

test('the last answer is passed on, fields and body, when all attempts failed', async (t) => {
  const origin = await rawOrigin(t, (_request, count) => status(503, `x-count: ${count}\r\n`))
  const port = await serve(t, [origin], { retry: { maxAttempts: 3, backoff: { base: 10 } } })
  const answer = await ask(port, '/')
  t.equal(answer.status, 503)
  t.equal(answer.body, 'busy')
  t.equal(answer.headers['x-count'], '3')
  t.equal(answer.headers['proxy-status'], undefined, 'it is the upstream\'s own')
})

test('Retry-After is waited for, or the answer passed on at once where the deadline is nearer', async (t) => {
  const origins = await Promise.all([1, 2].map(() => rawOrigin(t, ({ text }) =>
    text.includes('x-envoy-attempt-count: 1') ? status(429, 'retry-after: 1\r\n') : ok())))
  const port = await serve(t, origins, { retry: {} })
  const waited = await ask(port, '/')
  t.equal(waited.status, 200)
  t.ok(waited.tookMs >= 1_000, `${waited.tookMs} ms`)
  const hurried = await ask(port, '/', { headers: { 'x-request-timeout-ms': '700' } })
  t.equal(hurried.status, 429)
  t.equal(hurried.headers['retry-after'], '1')
  t.ok(hurried.tookMs < 600, `${hurried.tookMs} ms`)
})

test('a GET that takes long is asked of another endpoint, and the loser\'s connection is closed', async (t) => {
  let slow: Received | null = null
  const origins = await Promise.all([1, 2].map(() => rawOrigin(t, (request) => {
    if (!request.text.startsWith('GET /slow') || slow !== null) return ok('quick')
    slow = request
    return undefined
  })))
  const port = await serve(t, origins, { hedge: { after: '50ms' } })
  // Hedges are paid for by requests that went well.
  for (let i = 0; i < 25; i++) await ask(port, '/')
  const answer = await ask(port, '/slow')
  t.equal(answer.body, 'quick')
  t.ok(answer.tookMs >= 50 && answer.tookMs < 2_000, `${answer.tookMs} ms`)
  const { socket } = slow as unknown as Received
  if (!socket.destroyed) await new Promise((resolve) => { socket.on('close', resolve) })
  t.ok(socket.destroyed)
})

test('a second upstream is asked with its own host, and the last good answer when both are gone', async (t) => {
  let isUp = true
  const answer = ({ socket, text }: Received): string | undefined => {
    if (!isUp) {
      socket.destroy()
      return undefined
    }
    return ok(/\r\nhost: ([^\r]+)/i.exec(text)?.[1] ?? '', 'cache-control: max-age=60\r\n')
  }
  const first = await rawOrigin(t, ({ socket }) => {
    socket.destroy()
    return undefined
  })
  const second = await rawOrigin(t, answer)
  const { ports } = await startSeawall(t, {
    listeners: { public: { kind: 'egress', listen: '127.0.0.1:PORT:public' } },
    upstreams: {
      one: { endpoints: [first.url], host: 'one.example' }, two: { endpoints: [second.url], host: 'two.example' },
    },
    routes: [{
      name: 'all', listener: 'public', match: { path: '/*' }, upstream: 'one', failover: { to: 'two' },
      fallback: { on: ['upstream.reset', 'breaker.open'], lastGood: {}, status: 503, body: { code: 'gone' } },
    }],
  })
  const port = ports['public'] as number
  t.equal((await ask(port, '/a')).body, 'two.example')
  isUp = false
  const old = await ask(port, '/a')
  t.equal(old.status, 200)
  t.equal(old.body, 'two.example')
  t.match(old.headers['cache-status'], /^seawall; /)
  t.match(old.headers.age, /^\d+$/)
  const none = await ask(port, '/never-seen')
  t.equal(none.status, 503)
  t.strictSame(JSON.parse(none.body), { code: 'gone' })
  t.match(none.headers['proxy-status'], /^seawall; /)
  t.match(none.headers['retry-after'], /^\d$/)
})
