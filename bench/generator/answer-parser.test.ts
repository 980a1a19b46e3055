// Answers cut at every byte: the parser must find the same end wherever the network splits them.
import { isDeepStrictEqual } from 'node:util'
import { test } from 'tap'
import { AnswerParser } from './answer-parser.ts'

interface Expected {
  readonly status: number
  readonly bodyBytes: number
  readonly isReusable?: boolean
}

const answers: readonly (readonly [string, string, string, Expected])[] = [
  ['content-length', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', { status: 200, bodyBytes: 5 }],
  ['an empty body', 'GET', 'HTTP/1.1 503 Busy\r\ncontent-length:0\r\nretry-after: 1\r\n\r\n',
    { status: 503, bodyBytes: 0 }],
  ['chunks', 'GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' +
    '5\r\nhello\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n',
    { status: 200, bodyBytes: 15 }],
  ['chunks with trailers', 'POST', 'HTTP/1.1 201 Created\r\ntransfer-encoding: gzip, chunked\r\n\r\n' +
    '3\r\n\r\n0\r\n0\r\nserver-timing: a\r\nx: y\r\n\r\n', { status: 201, bodyBytes: 3 }],
  ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', { status: 204, bodyBytes: 0 }],
  ['304 with a length', 'GET', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n',
    { status: 304, bodyBytes: 0 }],
  ['HEAD with a length', 'HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n', { status: 200, bodyBytes: 0 }],
  ['an interim answer first', 'GET', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n' +
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
    { status: 200, bodyBytes: 2 }],
  ['connection: close', 'GET', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nConnection: close\r\n\r\nok',
    { status: 200, bodyBytes: 2, isReusable: false }],
  ['HTTP/1.0', 'GET', 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok',
    { status: 200, bodyBytes: 2, isReusable: false }],
]

for (const [name, method, bytes, expected] of answers) {
  test(`an answer (${name}) ends at its last byte, wherever it is split`, async (t) => {
    const whole = Buffer.from(bytes)
    for (let cut = 0; cut < whole.length; cut++) {
      const parser = new AnswerParser()
      parser.expect(method)
      parser.feed(whole.subarray(0, cut))
      if (parser.isComplete) t.fail(`complete after ${cut} of ${whole.length} bytes`)
      parser.feed(whole.subarray(cut))
      check(parser, expected, `cut at ${cut}`)
    }
    const parser = new AnswerParser()
    parser.expect(method)
    for (const byte of whole) parser.feed(Buffer.of(byte))
    t.equal(parser.isComplete, true, 'byte by byte')
    check(parser, expected, 'byte by byte')

    function check({ isComplete, status, bodyBytes, isReusable }: AnswerParser, wanted: Expected, how: string): void {
      const got = { isComplete, status, bodyBytes, isReusable }
      const want = { isComplete: true, isReusable: true, ...wanted }
      if (!isDeepStrictEqual(got, want)) t.same(got, want, how)
    }
  })
}

test('bytes held back from a split head survive the reuse of the read buffer', async (t) => {
  const parser = new AnswerParser()
  parser.expect('GET')
  const shared = Buffer.from('HTTP/1.1 200 OK\r\ncontent-le')
  parser.feed(shared)
  shared.fill(0)
  parser.feed(Buffer.from('ngth: 2\r\n\r\nok'))
  t.equal(parser.status, 200)
  t.ok(parser.isComplete)
})

test('one parser reads one answer after the other', async (t) => {
  const parser = new AnswerParser()
  for (const status of [200, 404, 503]) {
    parser.expect('GET')
    parser.feed(Buffer.from(`HTTP/1.1 ${status} X\r\ncontent-length: 1\r\n\r\nx`))
    t.equal(parser.status, status)
    t.equal(parser.bodyBytes, 1)
    t.ok(parser.isComplete)
  }
})

test('a body without framing ends when the peer closes', async (t) => {
  const parser = new AnswerParser()
  parser.expect('GET')
  parser.feed(Buffer.from('HTTP/1.1 200 OK\r\n\r\nsome'))
  t.notOk(parser.isComplete)
  t.ok(parser.endsWithClose())
  t.notOk(parser.isReusable)
})

test('what is no answer is refused', async (t) => {
  const bad = [
    'SSH-2.0-x\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxy',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n',
    `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}`,
  ]
  for (const bytes of bad) {
    const parser = new AnswerParser()
    parser.expect('GET')
    t.throws(() => parser.feed(Buffer.from(bytes)), bytes.slice(0, 40))
  }
})

test('the code of a refusal is read, of no other answer, and never kept for the next', async (t) => {
  const parser = new AnswerParser()
  const read = (head: string): string => {
    parser.expect('GET')
    parser.feed(Buffer.from(`${head}\r\ncontent-length: 0\r\n\r\n`))
    return parser.code
  }
  const field = 'Proxy-Status: seawall; error=destination_unavailable; details="shed.queue"'
  t.equal(read(`HTTP/1.1 503 X\r\n${field}`), 'shed.queue')
  t.equal(read('HTTP/1.1 503 X'), '')
  t.equal(read(`HTTP/1.1 429 X\r\nx: 1\r\n${field}`), 'shed.queue')
  t.equal(read(`HTTP/1.1 502 X\r\n${field}`), '')
})
