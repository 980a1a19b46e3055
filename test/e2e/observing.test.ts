// Observe mode is invisible: what callers get is what the origin gives, byte for byte, while everything that would have
// been refused is counted.

import { createHash } from 'node:crypto'
import { test } from 'tap'
import type { Test } from 'tap'
import { answerParts } from '../support/answer-parts.ts'
import type { AnswerParts } from '../support/answer-parts.ts'
import { ask, eventually } from '../support/asking.ts'
import { parseMetrics } from '../support/metrics-page.ts'
import type { MetricsPage } from '../support/metrics-page.ts'
import { RawClient } from '../support/raw-client.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import type { RawOrigin, Received } from '../support/raw-origin.ts'
import { inFrontOf, startSeawall } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'
import { seededRandom } from '../sim/seeded-random.ts'

const requests = 200
const statuses = ['200 OK', '201 Created', '204 No Content', '206 Partial Content', '301 Moved', '304 Not Modified',
  '400 Bad', '401 Unauthorized', '404 Not Found', '418 I\'m a teapot', '429 Slow Down', '500 Oops', '503 Busy', '599 ']

/** The same answer for the same request, whoever sends it: everything is drawn from its first line and its body. */
function answerTo({ text }: Received): string {
  const [line = ''] = text.split('\r\n', 1)
  const digest = createHash('sha256').update(line).digest()
  const draw = (i: number, below: number): number => (digest[i] as number) % below
  const status = statuses[draw(0, statuses.length)] as string
  const body = `${line} ${digest.toString('latin1')}`.repeat(draw(1, 40))
  const fields = [`X-Number: ${draw(2, 256)}`, 'Set-Cookie: a=1', 'x-Odd:   spaces \t', 'SET-COOKIE: b="2"', 'x-empty:',
    `ETag: W/"${draw(3, 256)}"`, 'retry-after: 7', 'x-latin: \xe9\xff'].slice(0, draw(4, 9))
  const isBare = line.startsWith('HEAD') || /^(?:204|304)/.test(status)
  const isChunked = !isBare && draw(5, 2) === 0
  if (isChunked) fields.push('Transfer-Encoding: chunked')
  else if (!status.startsWith('204')) fields.push(`Content-Length: ${body.length}`)
  const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  const framed = isBare ? '' : isChunked ? (body === '' ? '0\r\n\r\n' : chunks) : body
  return `HTTP/1.1 ${status}\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n${framed}`
}

/** As the origin's connection ends after the answer for who asks for it, and stays for us. */
function answering({ socket, text }: Received, bytes: string): undefined {
  if (/\r\nconnection: close\r\n/i.test(text)) socket.end(bytes, 'latin1')
  else socket.write(bytes, 'latin1')
}

/** Requests of every shape that is legal, from one seed. */
function generated(seed: number): string[] {
  const random = seededRandom(seed)
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T
  const paths = ['/', '/a%2Fb', '//x', '/../up', '/a;v=1', '/~user/(x)', '/caf%C3%A9', '/p?', '/p?a=1&a=2&&',
    '/p?q="<>\'|']
  return Array.from({ length: requests }, (_, i) => {
    const method = pick(['GET', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
    const path = `${pick(paths)}${random() < 0.5 ? '' : 'x'.repeat(Math.floor(random() * 300))}`
    const fields = ['host: shop.example', `x-nr: ${i}`, 'connection: close']
    if (random() < 0.5) fields.push('Accept: */*', 'accept: text/html')
    if (random() < 0.3) fields.push('Cookie: a=1', 'Cookie: b=2')
    if (random() < 0.2) fields.push('x-request-priority: nonsense', 'priority: u=9', 'x-request-timeout-ms: -5')
    let body = ''
    if (/^P|DELETE/.test(method)) {
      const content = 'body '.repeat(Math.floor(random() * 200))
      const isChunked = random() < 0.5 && content !== ''
      fields.push(isChunked ? 'transfer-encoding: chunked' : `content-length: ${content.length}`)
      body = isChunked ? `${content.length.toString(16)}\r\n${content}\r\n0\r\n\r\n` : content
    }
    return `${method} ${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n${body}`
  })
}

async function answerFrom(port: number, request: string): Promise<AnswerParts> {
  const client = new RawClient(port)
  const received = await client.write(request).closed()
  client.destroy()
  return answerParts(received)
}

/** Fields of one hop, and what a proxy must or may add; everything else is the origin's. */
const ours = /^(?:date|connection|keep-alive|x-request-id|via): /
/** Chunks belong to one hop: an answer that is known whole may go on with its length. A length that is said stays. */
const framing = /^(?:content-length|transfer-encoding): /

function comparable({ line, fields, body }: AnswerParts, isChunked: boolean): object {
  return { line, fields: fields.filter((field) => !ours.test(field) && !(isChunked && framing.test(field))), body }
}

const portOf = (origin: RawOrigin): number => Number(new URL(origin.url).port)

async function observing(t: Test, origin: RawOrigin, rest: Parameters<typeof inFrontOf>[1]): Promise<SeawallProcess> {
  return startSeawall(t, inFrontOf(origin.url, { ...rest, top: { mode: 'observe' } }))
}

test('two hundred requests of every shape get what the origin gives, byte for byte', async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.comment(`seed ${seed}`)
  const origin = await rawOrigin(t, (request) => answering(request, answerTo(request)))
  // Enforced, next to nobody would get through.
  const seawall = await observing(t, origin, {
    upstream: {
      limit: { initial: 1, min: 1, max: 1 }, bulkhead: { maxConcurrent: 1 }, breaker: {}, throttle: {},
      timeouts: { attempt: '1ms' },
    },
    route: {
      deadline: { default: '1ms', max: '1ms' }, priority: 'sheddable', rateLimit: [{ key: 'ip', rate: '1/s' }],
      retry: { maxAttempts: 3 }, bulkhead: { share: 0.5 },
    },
  })
  await Promise.all(generated(seed).map(async (request) => {
    const [direct, through] = await Promise.all([
      answerFrom(portOf(origin), request), answerFrom(seawall.ports['public'] as number, request),
    ])
    const isChunked = direct.fields.includes('transfer-encoding: chunked')
    t.strictSame(comparable(through, isChunked), comparable(direct, isChunked), request.split('\r\n', 1)[0] as string)
  }))
  const [direct, through] = [false, true].map((isOurs) => origin.received
    .filter(({ text }) => isOurs === /\r\nvia: /i.test(text))
    .map(({ text }) => `${text.split('\r\n', 1)[0]} ${/\r\nx-nr: (\d+)/.exec(text)?.[1]}`).toSorted())
  t.equal(direct?.length, requests)
  t.strictSame(through, direct, 'each request was sent once, as it was written')
  const page = await pageOf(seawall)
  t.ok(page.sum('seawall_refused_total', { mode: 'observe' }) >= requests, 'and yet each would have been refused')
  t.equal(page.sum('seawall_refused_total', { mode: 'enforce' }), 0)
})

async function pageOf(seawall: SeawallProcess): Promise<MetricsPage> {
  return parseMetrics((await ask(seawall.ports['admin'] as number, '/metrics')).body)
}

test('what would have been refused is served and counted', async (t) => {
  const held: Received[] = []
  const origin = await rawOrigin(t, (request) => {
    held.push(request)
    return undefined
  })
  const seawall = await observing(t, origin, {
    upstream: { bulkhead: { maxConcurrent: 2 }, timeouts: { attempt: '50ms' } },
    route: { deadline: { default: '60ms', max: '60ms' } },
  })
  const asked = Array.from({ length: 10 }, () => ask(seawall.ports['public'] as number, '/'))
  await eventually('all ten are upstream, though the bulkhead has two places', () => held.length === 10)
  await eventually('all ten deadlines have passed', async () =>
    (await pageOf(seawall)).sum('seawall_refused_total', { mode: 'observe', code: 'deadline.expired' }) === 10)
  t.notMatch(held[0]?.text, /timeout-ms/i, 'and nobody is told of them')
  for (const { socket } of held) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
  const answers = await Promise.all(asked)
  t.strictSame([...new Set(answers.map(({ status, body }) => `${status} ${body}`))], ['200 ok'])
  t.ok(answers.every(({ headers }) => headers['proxy-status'] === undefined))
  await eventually('all ten are counted as served', async () =>
    (await pageOf(seawall)).sum('seawall_exchanges_total', { outcome: 'reply', status_class: '2xx' }) === 10)
  const page = await pageOf(seawall)
  const would = (labels: Record<string, string>): number =>
    page.sum('seawall_refused_total', { mode: 'observe', route: 'all', ...labels })
  t.equal(would({ policy: 'shed', code: 'bulkhead.full' }), 8, 'of ten at once, two would have been let in')
  t.equal(would({ policy: 'timeouts', code: 'upstream.timeout' }), 10)
  t.equal(page.sum('seawall_refused_total', { mode: 'enforce' }), 0, 'and nobody was')
})

test('the same configuration, enforced, refuses', async (t) => {
  const origin = await rawOrigin(t, () => undefined)
  const seawall = await startSeawall(t, inFrontOf(origin.url, {
    upstream: { bulkhead: { maxConcurrent: 2 } }, route: { deadline: { default: '1500ms' } },
  }))
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(seawall.ports['public'] as number, '/')))
  t.equal(answers.filter(({ status }) => status === 503).length, 8)
  t.equal(answers.filter(({ status }) => status === 504).length, 2)
})
