// Start lines and fields by the grammar: what is taken, as it came, and what is refused.

import { test } from 'tap'
import { parseFields } from './fields.ts'
import type { HeadLimits } from './head-reader.ts'
import { parseRequestHead } from './request-head.ts'
import { ResponseHead } from './response-head.ts'

const limits: HeadLimits = { headBytes: 4096, startLineBytes: 100, fieldCount: 3, fieldBytes: 50 }

function request(line: string): unknown {
  return parseRequestHead(`${line}\r\nHost: x\r\n`, limits)
}

await test('a request line keeps method and target as received', (t) => {
  const good: [string, string, string, number][] = [
    ['GET / HTTP/1.1', 'GET', '/', 1], ['get /%2e/../a?? HTTP/1.0', 'get', '/%2e/../a??', 0],
    ['M-SEARCH * HTTP/1.1', 'M-SEARCH', '*', 1], ['GET http://a/b HTTP/1.1', 'GET', 'http://a/b', 1],
    ['CONNECT a:1 HTTP/1.1', 'CONNECT', 'a:1', 1],
    ['A!#$%&\'*+-.^_`|~9 /\\{} HTTP/1.2', 'A!#$%&\'*+-.^_`|~9', '/\\{}', 1],
  ]
  for (const [line, method, target, minor] of good) {
    t.same(request(line), { method, target, minor, headers: ['Host', 'x'] })
  }
  t.end()
})

await test('a request line that is not exactly one is refused with its code', (t) => {
  const malformed = [
    '', 'GET', 'GET /', 'GET  / HTTP/1.1', 'GET /  HTTP/1.1', 'GET / HTTP/1.1 ', ' GET / HTTP/1.1', 'GET\t/ HTTP/1.1',
    'GET /a b HTTP/1.1', 'GET /#f HTTP/1.1', 'GET /\x7f HTTP/1.1', 'GET /\xe9 HTTP/1.1', 'GET /\0 HTTP/1.1',
    'GET / http/1.1', 'GET / HTTP/1', 'GET / HTTP/11', 'GET / HTTP/1.10', 'GET / HTTP/01.1', 'GET / HTTP/1,1',
    'GET / HTTP/a.1', 'G@T / HTTP/1.1', 'GET / XHTTP/1.1', 'GET HTTP/1.1', '/ HTTP/1.1', 'GET / HTTP /1.1',
  ]
  for (const line of malformed) t.equal(request(line), 'request.malformed', JSON.stringify(line))
  const versions = ['GET / HTTP/2.0', 'GET / HTTP/0.9', 'PRI * HTTP/2.0']
  for (const line of versions) t.equal(request(line), 'request.version', line)
  t.equal(request(`GET /${'x'.repeat(100)} HTTP/1.1`), 'request.uri-too-long')
  t.end()
})

await test('a status line is read in the one object again and again', (t) => {
  const head = new ResponseHead()
  const good: [string, number, string, number][] = [
    ['HTTP/1.1 200 OK', 200, 'OK', 1], ['HTTP/1.0 404 Not  Found ', 404, 'Not  Found ', 0],
    ['HTTP/1.1 204 ', 204, '', 1],
    ['HTTP/1.1 204', 204, '', 1], ['HTTP/1.9 599 \xe9', 599, '\xe9', 1], ['HTTP/1.1 999 OKAY', 999, 'OKAY', 1],
  ]
  for (const [line, status, reason, minor] of good) {
    t.equal(head.parse(`${line}\r\nA: b\r\n`, limits), true, line)
    t.match(head, { status, reason, minor, headers: ['A', 'b'] })
  }
  const malformed = [
    '', 'HTTP/1.1', 'HTTP/1.1 ', 'HTTP/1.1 20', 'HTTP/1.1 2000', 'HTTP/1.1 200OK', 'HTTP/1.1  200 OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1 2x0 OK', 'HTTP/2.0 200 OK', 'HTTP/1.x 200 OK', 'http/1.1 200 OK', 'HTTP/1.1\t200 OK', 'HTTP/1.1 200\tOK',
    'HTTP/1.1 200 \x01', ' HTTP/1.1 200 OK', `HTTP/1.1 200 ${'x'.repeat(100)}`,
  ]
  for (const line of malformed) t.equal(head.parse(`${line}\r\nA: b\r\n`, limits), false, JSON.stringify(line))
  t.end()
})

await test('fields keep order, case and repetition, and lose the white space around their values', (t) => {
  const fields: string[] = []
  t.equal(parseFields('Ab:c\r\nab: \t c d \t\r\n__proto__:\r\n', 0, limits, fields), 'complete')
  t.same(fields, ['Ab', 'c', 'ab', 'c d', '__proto__', ''])
  t.end()
})

await test('a field line that is not exactly one is malformed', (t) => {
  const malformed = [
    'a', 'a b: c', 'a : b', ' a: b', '\ta: b', ': b', 'a: b\x7f', 'a: \0', 'a: b\rc', 'a: b\nc', 'a\r: b', '(a): b',
    'a\xe9: b', 'a;b: c', 'a: b\r', 'a: b\x0bc',
  ]
  for (const line of malformed) {
    t.equal(parseFields(`X: y\r\n${line}\r\n`, 0, limits, []), 'malformed', JSON.stringify(line))
  }
  t.equal(parseFields('a: b', 0, limits, []), 'malformed')
  t.end()
})

await test('field limits hold to the byte and the field', (t) => {
  t.equal(parseFields('a: b\r\n'.repeat(3), 0, limits, []), 'complete')
  t.equal(parseFields('a: b\r\n'.repeat(4), 0, limits, []), 'too-large')
  t.equal(parseFields(`a: ${'x'.repeat(47)}\r\n`, 0, limits, []), 'complete')
  t.equal(parseFields(`a: ${'x'.repeat(48)}\r\n`, 0, limits, []), 'too-large')
  t.equal(parseRequestHead(`GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(4)}`, limits), 'request.headers-too-large')
  t.end()
})
