// Rows P1 to P12: what a request must look like before anything is done with it. Bytes on both wires.

import { test } from 'tap'
import { between, get, ok, request, valuesOf } from './between.ts'
import { root, Running } from '../support/seawall.ts'
import { join } from 'node:path'

test('P1 a request line that is not exactly the grammar is 400 and the end', async (t) => {
  const b = await between(t)
  const wrong = [
    'GET  / HTTP/1.1', 'GET /  HTTP/1.1', 'GET\t/ HTTP/1.1', 'GET /\tHTTP/1.1', ' GET / HTTP/1.1', 'GET / HTTP/1.1 ',
    'GET / HTTP/1.1\t', 'GET /', 'GET', 'GET / http/1.1', 'GET / HTTP 1.1', 'GET / HTTP/1.1 x', '/ HTTP/1.1',
    'GET HTTP/1.1', '\0GET / HTTP/1.1', 'GET / HTTPS/1.1',
  ]
  for (const line of wrong) await b.refuses(`${line}\r\nHost: a\r\n\r\n`, 400)
  await b.serves()
})

test('P1 one empty line before a request is ignored, two are not', async (t) => {
  const b = await between(t)
  t.match(await b.ask(`\r\n${get('/')}`), /^HTTP\/1\.1 200 /)
  await b.refuses(`\r\n\r\n${get('/')}`, 400)
  for (const [empty, rest] of [['\r\n', '\r\n'], ['\r\n\r', '\n'], ['\r', '\n\r\n']] as const) {
    const client = b.caller(empty)
    // Another caller's whole exchange later the first bytes have been read.
    await b.serves()
    t.match(await client.write(rest + get('/')).closed(), /^HTTP\/1\.1 400 /, JSON.stringify([empty, rest]))
  }
})

test('P2 every token is a method, in its own case, and travels', async (t) => {
  const b = await between(t)
  for (const method of ['get', 'BREW', 'M-SEARCH', 'X!#$%&\'*+-.^_`|~0', 'PROPFIND', 'QUERY', 'PURGE']) {
    t.match(await b.ask(request(method, '/')), /^HTTP\/1\.1 200 /, method)
    t.ok(b.origin.last.startsWith(`${method} / HTTP/1.1\r\n`), method)
  }
  for (const method of ['G(T', 'G"T', 'G/T', 'G\x80T', 'G\x7fT']) await b.refuses(request(method, '/'), 400)
})

test('P3 HTTP/1.0 and every later 1.x are served and forwarded as 1.1', async (t) => {
  const b = await between(t)
  for (const version of ['1.0', '1.1', '1.2', '1.9']) {
    t.match(await b.ask(`GET /v HTTP/${version}\r\nHost: a\r\n\r\n`), /^HTTP\/1\.1 200 /, version)
    t.match(b.origin.last, /^GET \/v HTTP\/1\.1\r\n/, version)
  }
})

test('P3 another major version is 505, what is no version 400', async (t) => {
  const b = await between(t)
  for (const version of ['0.9', '2.0', '3.1']) await b.refuses(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`, 505)
  for (const version of ['1', '1.', '.1', '1.10', '01.1', '1,1', '1.x', '-1.1', '']) {
    await b.refuses(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`, 400)
  }
})

test('P4 the four forms of a target are told apart and nothing else is one', async (t) => {
  const b = await between(t)
  await b.ask(get('/a?b=c'))
  t.match(b.origin.last, /^GET \/a\?b=c HTTP/)
  await b.ask('GET http://a.test/x?y HTTP/1.1\r\nHost: a.test\r\n\r\n')
  t.match(b.origin.last, /^GET \/x\?y HTTP/)
  await b.ask('GET http://a.test HTTP/1.1\r\nHost: a.test\r\n\r\n')
  t.match(b.origin.last, /^GET \/ HTTP/)
  await b.ask(request('OPTIONS', '*'))
  t.match(b.origin.last, /^OPTIONS \* HTTP/)
  for (const target of ['*', 'a.test:80', 'x', 'ftp://a.test/', 'http:/a', 'http://', 'http://a b/', '//\x7f']) {
    await b.refuses(get(target), 400)
  }
  for (const byte of ['\x01', '\x7f', '#', '\x80', '\xff', '\xc3\xa9']) await b.refuses(get(`/a${byte}b`), 400)
  await b.refuses(request('POST', '*'), 400)
  await b.refuses(request('CONNECT', 'a.test:443'), 405)
})

test('P5 a target over its limit is 414, a head over its limits 431, and both close', async (t) => {
  const b = await between(t, () => ok, { limits: { uriBytes: 200, headerBytes: 1024, headerCount: 10 } })
  t.match(await b.ask(get(`/${'u'.repeat(199)}`)), /^HTTP\/1\.1 200 /)
  await b.refuses(get(`/${'u'.repeat(200)}`), 414)
  await b.refuses(get(`/${'u'.repeat(100_000)}`), 414, 'a target of 100,000 bytes')
  await b.refuses(get('/', ...Array.from({ length: 10 }, (_, i) => `X-${i}: 1`)), 431, '11 fields')
  t.match(await b.ask(get('/', ...Array.from({ length: 9 }, (_, i) => `X-${i}: 1`))), /^HTTP\/1\.1 200 /, '10 fields')
  await b.refuses(get('/', `X-Long: ${'v'.repeat(600)}`), 431, 'a field over half of all')
  await b.refuses(get('/', ...['A', 'B', 'C'].map((name) => `${name}: ${'v'.repeat(400)}`)), 431, 'all together')
  await b.refuses(get('/', `X-Bomb: ${'v'.repeat(1_000_000)}`), 431, 'a megabyte')
  t.equal(b.record.exchanges.length, 2, 'what was refused never became an exchange')
})

test('P5 the limit of the header section holds to the byte', async (t) => {
  const b = await between(t)
  // Each field counts with ": " and its line end; Host: a.test is 14 of them.
  const fields = (bytes: number): string[] => {
    const rest = bytes - 'Host: a.test\r\n'.length - 2 * 8004
    return ['A', 'B'].map((name) => `${name}: ${'v'.repeat(7999)}`).concat(`C: ${'v'.repeat(rest - 5)}`)
  }
  for (const bytes of [16_383, 16_384]) {
    t.match(await b.ask(get('/', ...fields(bytes))), /^HTTP\/1\.1 200 /, `${bytes} bytes`)
  }
  await b.refuses(get('/', ...fields(16_385)), 431, '16,385 bytes')
})

test('P6 a field line is a token, a colon and a value; nothing is dropped or mended', async (t) => {
  const b = await between(t)
  const wrong = [
    'X : 1', 'X\t: 1', ': 1', 'X', 'X Y: 1', 'X(: 1', 'X\x80: 1', 'X@Y: 1', 'X"Y: 1', 'X/Y: 1', 'Content-Length : 3',
    'Transfer-Encoding\t: chunked', 'X=1', '{X: 1',
  ]
  for (const line of wrong) await b.refuses(get('/', line), 400)
  await b.ask(get('/', 'X-A:1', 'X-B:   2  ', 'X-C:\t3\t', 'X-D:', 'X-E:   '))
  for (const [name, value] of [['a', '1'], ['b', '2'], ['c', '3'], ['d', ''], ['e', '']] as const) {
    t.strictSame(valuesOf(b.origin.last, `x-${name}`), [value], `white space around the value of X-${name}`)
  }
})

test('P7 a folded line, and white space behind the request line, are 400', async (t) => {
  const b = await between(t)
  for (const fold of ['X: 1\r\n 2', 'X: 1\r\n\t2', 'X:\r\n 1', 'Content-Length: 1\r\n 0']) {
    await b.refuses(get('/', fold), 400)
  }
  await b.refuses('GET / HTTP/1.1\r\n Host: a\r\n\r\n', 400)
  await b.refuses('GET / HTTP/1.1\r\n\r\n\r\n', 400)
  await b.refuses('GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n', 400)
})

test('P8 a bare CR, a bare LF, NUL and other control bytes are 400 wherever they stand', async (t) => {
  const b = await between(t)
  const wrong = [
    'GET / HTTP/1.1\nHost: a\n\n', 'GET / HTTP/1.1\r\nHost: a\n\r\n', 'GET / HTTP/1.1\r\nHost: a\r\n\n',
    'GET / HTTP/1.1\rHost: a\r\r', 'GET / HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n', 'GET / HTTP/1.1\r\r\nHost: a\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nX: \r1\r\n\r\n',
  ]
  for (const bytes of wrong) await b.refuses(bytes, 400)
  for (const code of [0, 1, 7, 8, 11, 12, 14, 27, 31, 127]) {
    const byte = String.fromCharCode(code)
    await b.refuses(get('/', `X: a${byte}b`), 400)
    await b.refuses(get('/', `X${byte}Y: 1`), 400)
  }
})

test('P8 the bytes from 0x80 on, and tabs, stay in a value as they are', async (t) => {
  const b = await between(t)
  const value = `${Array.from({ length: 128 }, (_, i) => String.fromCharCode(128 + i)).join('')}\tz`
  await b.ask(get('/', `X-High: ${value}`))
  t.strictSame(valuesOf(b.origin.last, 'x-high'), [value])
})

test('P9 not a byte goes upstream before the head is whole and good', async (t) => {
  const b = await between(t)
  let connections = 0
  b.origin.server.on('connection', () => { connections++ })
  await b.refuses(get('/', 'X-A: 1', 'X-B: 2', 'X-Bad : 3'), 400)
  const client = b.caller('GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n')
  await b.askToTheEnd('nonsense\r\n\r\n')
  t.equal(connections, 0, 'nobody connected to the origin')
  client.write('\r\n')
  await client.answer()
  t.equal(connections, 1)
})

test('P10 it does not start where the runtime was told to read HTTP leniently', async (t) => {
  const flags: readonly (readonly [string[], string | undefined])[] = [
    [[], '--insecure-http-parser'], [['--insecure-http-parser'], undefined],
  ]
  for (const [before, options] of flags) {
    const args = [...before, join(root, 'proxy/seawall.mjs'), 'run', '--upstream', 'http://127.0.0.1:9']
    // The shell of a user's process takes NODE_OPTIONS away: here it is what is tested.
    const command = options === undefined ? [process.execPath] : ['/usr/bin/env', `NODE_OPTIONS=${options}`,
      process.execPath]
    const running = new Running(command[0] as string, [...command.slice(1), ...args])
    t.teardown(() => running.stop('SIGKILL'))
    const { code } = await running.finished
    t.not(code, 0)
    t.match(running.stderr, /insecure-http-parser/, `${before.join()}${options ?? ''}`)
  }
})

test('P11 fields keep their order and lines, and no two become one', async (t) => {
  const lines = ['Set-Cookie: a=1', 'X-One: 1', 'Set-Cookie: b=2', 'x-one: 2', 'SET-COOKIE: a=1']
  const b = await between(t, () => ['HTTP/1.1 200 OK', ...lines, 'Content-Length: 0', '', ''].join('\r\n'))
  const answer = await b.ask(get('/', 'Cookie: a=1', 'X-A: 1', 'Cookie: b=2', 'x-a: 2', 'Content-Type: one',
    'Content-Type: two', 'Authorization: x', 'Authorization: y'))
  t.match(answer, lines.join('\r\n'))
  t.match(b.origin.last, ['Cookie: a=1', 'X-A: 1', 'Cookie: b=2', 'x-a: 2', 'Content-Type: one', 'Content-Type: two',
    'Authorization: x', 'Authorization: y'].join('\r\n'))
})

test('P12 fields called like parts of an object are data', async (t) => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__defineGetter__', 'prototype']
  const b = await between(t, () => `HTTP/1.1 200 OK\r\n__proto__: x\r\nconstructor: y\r\n${ok.slice(17)}`)
  const answer = await b.ask(get('/', ...names.map((name) => `${name}: v`)))
  for (const name of names) t.strictSame(valuesOf(b.origin.last, name.toLowerCase()), ['v'], name)
  t.strictSame([valuesOf(answer, '__proto__'), valuesOf(answer, 'constructor')], [['x'], ['y']])
  t.strictSame(b.defects, [])
})
