// Bodies out of their framing, split at every byte, and everything that is not exactly a chunk refused.

import { test } from 'tap'
import { BodyReader } from './body-reader.ts'
import { chunkedBody } from './framing.ts'
import type { HeadLimits } from './head-reader.ts'

const limits: HeadLimits = { headBytes: 200, startLineBytes: 200, fieldCount: 3, fieldBytes: 100 }

interface Read {
  readonly status: string
  readonly text: string
  readonly taken: number
  readonly trailers: readonly string[] | null
}

/** Reads `text` in pieces of at most `step` bytes; stops where the reader does. */
function read(framing: number, text: string, step = Infinity, reader = new BodyReader(limits)): Read {
  const bytes = Buffer.from(text, 'latin1')
  let body = ''
  const sink = {
    take: (chunk: Buffer, start: number, end: number) => { body += chunk.toString('latin1', start, end) },
  }
  reader.begin(framing)
  let at = 0
  while (at < bytes.length && reader.status === 'reading') {
    const end = Math.min(at + step, bytes.length)
    const next = reader.read(bytes, at, end, sink)
    if (next !== end && reader.status === 'reading') throw new Error(`stopped at ${next} of ${end} while reading`)
    at = next
  }
  return { status: reader.status, text: body, taken: at, trailers: reader.trailers }
}

await test('a body of a length takes exactly that and nothing after it', (t) => {
  for (const step of [1, 2, 3, Infinity]) {
    t.same(read(5, 'helloEVIL', step), { status: 'complete', text: 'hello', taken: 5, trailers: null })
    t.same(read(9, 'hello', step), { status: 'reading', text: 'hello', taken: 5, trailers: null })
  }
  t.same(read(0, 'EVIL'), { status: 'complete', text: '', taken: 0, trailers: null })
  t.end()
})

await test('a body until close takes everything and is complete at the end of input only', (t) => {
  const reader = new BodyReader(limits)
  t.equal(read(Infinity, 'hello', 2, reader).status, 'reading')
  reader.endOfInput()
  t.equal(reader.status, 'complete')
  const framed = new BodyReader(limits)
  read(9, 'hello', 2, framed)
  framed.endOfInput()
  t.equal(framed.status, 'reading')
  t.end()
})

await test('a chunked body is the same in pieces of any size', (t) => {
  const texts: [string, string, string[] | null][] = [
    ['0\r\n\r\n', '', null],
    ['5\r\nhello\r\n0\r\n\r\n', 'hello', null],
    ['00005\r\nhello\r\n000\r\n\r\n', 'hello', null],
    ['5;a\r\nhello\r\n1;b="x;\\"y\r";c\r\n!\r\n0;z\r\n\r\n'.replace('\r"', '"'), 'hello!', null],
    ['a\r\n0123456789\r\nA;\r\n9876543210\r\n0\r\nX-A: b\r\nC:d\r\n\r\n', '01234567899876543210',
      ['X-A', 'b', 'C', 'd']],
  ]
  for (const [text, body, trailers] of texts) {
    for (let step = 1; step <= text.length + 4; step++) {
      t.same(read(chunkedBody, `${text}EVIL`, step), { status: 'complete', text: body, taken: text.length, trailers })
    }
  }
  t.end()
})

await test('what is not exactly a chunk is malformed, in pieces of any size', (t) => {
  const texts = [
    '\r\n', '-5\r\nhello', '+5\r\n', ' 5\r\n', '5 \r\n', '5\t\r\n', '0x5\r\n', '5_0\r\n', '5\n', '5\r5', 'g\r\n',
    ';a\r\n',
    '5 ;a\r\n', '5,\r\n', '5;a\n', '5;a\0\r\n', '5;a="\r\n', '5;a="\\\r\n', '5\r\nhello5\r\n', '5\r\nhello\n',
    '5\r\nhello\rX',
    `${'f'.repeat(14)}\r\n`, '20000000000000\r\n', `${'0'.repeat(5000)}1\r\n`, `5;${'x'.repeat(5000)}\r\n`,
    '0\r\n\n', '0\r\n\rX', '0\r\nX\r\n\r\n', '0\r\nX : y\r\n\r\n', '0\r\n X: y\r\n\r\n', '0\r\nX: y\n\n',
    '0\r\nX: \0\r\n\r\n',
    `0\r\n${'X: y\r\n'.repeat(4)}\r\n`, `0\r\nX: ${'y'.repeat(300)}\r\n\r\n`,
  ]
  for (const text of texts) {
    for (const step of [1, 2, 3, 7, Infinity]) {
      t.equal(read(chunkedBody, text, step).status, 'malformed', `${JSON.stringify(text).slice(0, 40)} by ${step}`)
    }
  }
  t.end()
})

await test('the largest size is taken, and extensions are bounded for the whole message', (t) => {
  t.equal(read(chunkedBody, '1fffffffffffff\r\nx').status, 'reading')
  const chunk = `1;${'x'.repeat(4000)}\r\n!\r\n`
  t.equal(read(chunkedBody, chunk.repeat(4)).status, 'reading')
  t.equal(read(chunkedBody, chunk.repeat(5)).status, 'malformed')
  const reader = new BodyReader(limits)
  read(chunkedBody, chunk.repeat(4), Infinity, reader)
  t.equal(read(chunkedBody, chunk.repeat(4), Infinity, reader).status, 'reading', 'the next message starts anew')
  t.end()
})

await test('a reader is used again after trailers', (t) => {
  const reader = new BodyReader(limits)
  t.same(read(chunkedBody, '0\r\nA: b\r\n\r\n', 1, reader).trailers, ['A', 'b'])
  t.equal(read(chunkedBody, '0\r\n\r\n', 1, reader).trailers, null)
  t.same(read(chunkedBody, '0\r\nC: d\r\n\r\n', 3, reader).trailers, ['C', 'd'])
  t.end()
})
