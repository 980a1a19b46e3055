// What makes two requests the same: what a client draws anew each time it sends one thing does not count, and nothing
// else is overlooked.

import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import type { RawHeaders } from '../../core/raw-headers.ts'
import { differencesOf, fingerprintOf, wayOf, wayOfRecorded } from './fingerprint.ts'
import { boundaryOf, canonicalMultipart } from './multipart-body.ts'

const raw = wayOf(false, [])

function print(headers: RawHeaders, body: string | Uint8Array, way = raw, target = '/charge', method = 'POST'): string {
  const head = { method, target, headers } as unknown as Parameters<typeof fingerprintOf>[1]
  return fingerprintOf(way, head, typeof body === 'string' ? Buffer.from(body) : body)
}

function form(boundary: string, parts: readonly string[], end = '\r\n'): string {
  const head = (name: number): string => `Content-Disposition: form-data; name="${name}"; filename="a"\r\n\r\n`
  const written = parts.map((part, i) => `--${boundary}\r\n${head(i)}${part}\r\n`)
  return `${written.join('')}--${boundary}--${end}`
}

function sent(boundary: string, body: string, way = raw): string {
  return print(['Content-Type', `multipart/form-data; boundary=${boundary}`], body, way)
}

test('a form is the same under every boundary', async (t) => {
  const first = sent('aaa', form('aaa', ['1999', 'eur']))
  t.equal(sent('"b:b"', form('b:b', ['1999', 'eur'])), first)
  t.equal(sent('aaa', form('aaa', ['1999', 'eur'], '')), first, 'with or without the last line break')
})

test('another content, name, order or number of parts is another form', async (t) => {
  const all = [
    form('b', ['1999', 'eur']), form('b', ['1998', 'eur']), form('b', ['eur', '1999']), form('b', ['1999']),
    form('b', ['1999', 'eur', '']), form('b', ['1999\r\n', 'eur']), form('b', ['', '']), form('b', ['']),
    form('b', ['1999', 'eur']).replace('name="1"', 'name="2"'), form('b', ['1999', 'eur']).replace('"a"', '"c"'),
  ]
  t.equal(new Set(all.map((body) => sent('b', body))).size, all.length)
})

test('of what is no strict form the bytes count', async (t) => {
  const good = form('b', ['1999', 'eur'])
  const bad = [
    good.slice(0, -6), good.slice(0, -4), `x${good}`, `\r\n${good}`, `${good}x`, good.replaceAll('\r\n', '\n'),
    good.replace('--b\r\n', '--b \r\n'), form('b', ['\r\n--bx']), '', '--b', '--b\r\n', '--b--',
    form('b', Array.from({ length: 1_001 }, () => '')),
  ]
  for (const body of bad) t.equal(canonicalMultipart(Buffer.from(body), 'b'), null, JSON.stringify(body.slice(0, 80)))
  t.not(canonicalMultipart(Buffer.from(good), 'b'), null)
  t.equal(new Set(bad.map((body) => sent('b', body))).size, bad.length)
  for (const type of ['multipart/form-data', 'multipart/form-data; boundary=', 'multipart/form-data; boundary="a\\"b"',
    `multipart/form-data; boundary=${'b'.repeat(71)}`, 'text/plain; boundary=b', 'multipart/x; boundary="b "']) {
    t.equal(boundaryOf(type), null, type)
  }
  t.equal(boundaryOf('Multipart/Mixed; charset=utf-8; Boundary="a b"; x=y'), 'a b')
})

test('a body that was zipped at another time, or not at all, is the same', async (t) => {
  const zipped = (mtime: number, text: string): Buffer => {
    const bytes = gzipSync(text)
    bytes.writeUInt32LE(mtime, 4)
    return bytes
  }
  const headers = ['Content-Encoding', 'GZIP', 'Content-Type', 'application/json']
  const first = print(headers, zipped(1, '{"a":1}'))
  t.equal(print(headers, zipped(2, '{"a":1}')), first)
  t.equal(print(['content-type', 'application/json'], '{"a":1}'), first)
  t.not(print(headers, zipped(1, '{"a":2}')), first)
  t.not(print(headers.slice(2), zipped(1, '{"a":1}')), first, 'without its coding it is other bytes')
  t.equal(print(headers, zipped(3, '{ "a": 1 }'), wayOf(true, [])), print(headers, '{"a":1}', wayOf(true, [])))
})

test('of a zipped body that is broken, or a bomb, the bytes count', async (t) => {
  const headers = ['content-encoding', 'gzip']
  const bomb = gzipSync(Buffer.alloc(5 * 1_048_576))
  const startMs = performance.now()
  const [one, other] = [print(headers, bomb), print(headers, Buffer.concat([bomb, Buffer.from('x')]))]
  t.ok(performance.now() - startMs < 1_000)
  t.not(one, other)
  t.not(print(headers, 'no gzip'), print(headers, 'nor this'))
  t.not(print(headers, ''), print(headers, 'x'))
})

test('what differs is named, a body only when all else is the same', async (t) => {
  const way = wayOf(false, ['x-m'])
  const first = print(['x-m', '1'], 'a', way)
  t.strictSame(differencesOf(print(['x-m', '1'], 'b', way), first), ['body'])
  t.strictSame(differencesOf(print(['x-m', '2'], 'a', way), first), ['headers'])
  t.strictSame(differencesOf(print(['x-m', '1', 'content-type', 'text/plain'], 'a', way), first), ['content-type'])
  t.strictSame(differencesOf(print(['x-m', '1'], 'b', way, '/refund', 'PATCH'), first), ['method', 'path'])
  t.strictSame(differencesOf('raw1:abc', 'raw1:abd'), [], 'records of before do not tell')
})

test('records of before are still compared in their way', async (t) => {
  t.equal(wayOfRecorded('raw1:abc'), 'raw1')
  t.equal(wayOfRecorded('json1(x-m):abc'), 'json1(x-m)')
  t.equal(wayOfRecorded(print([], 'x')), 'raw2')
  t.equal(wayOfRecorded('raw3:abc'), null)
  const plain = ['content-type', 'text/plain']
  t.equal(print(plain, 'x', 'raw1'), 'raw1:k0QT_2uo0WfNfXuse1BtkVY38OvFwBXuFeOWhcz6ea8')
  t.equal(print(plain, '{"b":1, "a":2}', 'json1'), 'json1:Ybb4g6TpcjiR2TmtVlyCNZEeIUHnXKVctBwkw49-YYk')
})

test('members that are drawn anew do not count, wherever they stand, and everything else does', async (t) => {
  const way = wayOf(true, ['x-m'], ['$.items.trace', '$.sent_at'])
  const of = (body: string, by = way): string => print(['x-m', 'a'], body, by)
  const one = of('{"amount":1,"sent_at":1,"items":[{"n":1,"trace":"a"},{"n":2}]}')
  t.equal(of('{"items":[{"n":1},{"trace":{"b":[2]},"n":2}],"amount":1}'), one)
  for (const other of [
    '{"amount":2,"items":[{"n":1},{"n":2}]}', '{"amount":1,"items":[{"n":1},{"n":2}],"at":{"sent_at":1}}',
    '{"amount":1,"items":[{"n":1},{"n":2}],"trace":1}', '{"amount":1,"items":[{"n":1,"x":{"trace":1}},{"n":2}]}',
  ]) t.not(of(other), one, other)
  t.not(of('{"amount":1,"sent_at":1,"sent_at":2,"items":[{"n":1},{"n":2}]}'), one, 'a member twice is no strict JSON')
  t.equal(wayOfRecorded(one), way)
  t.not(print(['x-m', 'a'], '{"a":1}', way), print(['x-m', 'a'], '{"a":1}', wayOf(true, ['x-m'])), 'another way')
})
