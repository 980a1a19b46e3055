// The end of a head, however its bytes arrive, and what is refused before it has ended.

import { test } from 'tap'
import { HeadReader } from './head-reader.ts'
import type { HeadLimits } from './head-reader.ts'
import { isRequestLine } from './request-head.ts'
import { isStatusLine } from './response-head.ts'

const limits: HeadLimits = { headBytes: 256, startLineBytes: 64, fieldCount: 10, fieldBytes: 100 }

function requestReader(): HeadReader {
  return new HeadReader(limits, isRequestLine, true)
}

/** Reads `text` in pieces that end at `cuts`; returns how many bytes were taken. */
function feed(reader: HeadReader, text: string, cuts: readonly number[] = []): number {
  const bytes = Buffer.from(text, 'latin1')
  let start = 0
  for (const end of [...cuts, bytes.length]) {
    if (reader.status !== 'incomplete') break
    const piece = bytes.subarray(start, end)
    start += reader.read(piece, 0, piece.length)
  }
  return start
}

const head = 'GET /a?b HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n'

await test('a head split at any byte, or two, is the same head and takes no byte of what follows', (t) => {
  const text = `${head}BODY\r\n\r\n`
  for (let i = 0; i < head.length; i++) {
    for (let j = i; j < head.length; j++) {
      const reader = requestReader()
      const taken = feed(reader, text, [i, j])
      if (reader.status !== 'complete' || taken !== head.length || reader.text !== head.slice(0, -2)) {
        t.fail(`split at ${i} and ${j}: ${reader.status}, ${taken} bytes`)
      }
      if (reader.bytes !== head.length) t.fail(`split at ${i} and ${j}: ${reader.bytes} bytes counted`)
    }
  }
  t.end()
})

await test('a reader that was reset reads the next head', (t) => {
  const reader = requestReader()
  feed(reader, head, [5])
  reader.reset()
  t.notOk(reader.isUnderWay)
  feed(reader, 'GET /b HTTP/1.1\r\nHost: y\r\n\r\n', [7, 20])
  t.equal(reader.text, 'GET /b HTTP/1.1\r\nHost: y\r\n')
  t.end()
})

await test('one empty line before a request line is ignored, two are not', (t) => {
  for (const cuts of [[], [1], [2], [3], [1, 2, 3]]) {
    const once = requestReader()
    feed(once, `\r\n${head}`, cuts)
    t.equal(once.status, 'complete')
    t.equal(once.text, head.slice(0, -2))
    t.equal(once.bytes, head.length)
  }
  const twice = requestReader()
  feed(twice, `\r\n\r\n${head}`, [1, 2, 3, 4])
  t.equal(twice.status, 'malformed')
  t.end()
})

await test('no empty line is ignored before a status line', (t) => {
  const reader = new HeadReader(limits, isStatusLine, false)
  feed(reader, '\r\nHTTP/1.1 200 OK\r\n', [1])
  t.equal(reader.status, 'malformed')
  t.end()
})

await test('bytes that cannot be a head are refused without waiting for its end', (t) => {
  const texts = [
    'GET / HTTP/1.1\nHost: x\n\n', 'GET / HTTP/1.1\r\nHost: x\n', 'GET / HTTP/1.1\rHost', 'GET / HTTP/1.1\r\nA: \0',
    '\x16\x03\x01\x02\0\x01', 'GET /\r\n', 'nonsense\r\n', 'GET / HTTP/1.1\r\nA: b\r\r', '\n', ' \r\n',
  ]
  for (const text of texts) {
    for (const cuts of [[], [1], [4, 9], [text.length - 1]]) {
      const reader = requestReader()
      feed(reader, text, cuts)
      t.equal(reader.status, 'malformed', JSON.stringify(text))
    }
  }
  t.end()
})

function withHead(bytes: number): string {
  const line = 'GET / HTTP/1.1\r\n'
  return `${line}A: ${'x'.repeat(bytes - line.length - 7)}\r\n\r\n`
}

function withLine(bytes: number): string {
  return `GET /${'x'.repeat(bytes - 14)} HTTP/1.1\r\n`
}

await test('limits hold to the byte, at once and in pieces', (t) => {
  for (const cuts of [[], [3], [20, 40], Array.from({ length: 200 }, (_, i) => i)]) {
    const statuses = (text: string): string => {
      const reader = requestReader()
      feed(reader, text, cuts)
      return reader.status
    }
    t.equal(statuses(withHead(256)), 'complete')
    t.equal(statuses(withHead(257)), 'too-large')
    t.equal(statuses(withLine(64)), 'incomplete')
    t.equal(statuses(withLine(65)), 'start-line-too-long')
    t.equal(statuses(`${withLine(300)}\r\n`), 'start-line-too-long')
  }
  t.end()
})
