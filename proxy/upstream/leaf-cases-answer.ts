// Conformance cases of leaves: heads of answers, their framing, interim answers, and everything that is not HTTP.

import { always, answer } from './leaf-bench.ts'
import type { LeafCase } from './leaf-bench.ts'

const plain = 'HTTP/1.1 200 OK\r\n'

/** Bytes an origin may send that a gateway answers with 502, by what is wrong with them. */
const malformed: Readonly<Record<string, string>> = {
  'text that is not HTTP': 'SSH-2.0-OpenSSH_9.6\r\n',
  'a wrong protocol name': 'HTTPER/1.1 200 OK\r\n\r\n',
  'HTTP/2.0 in the status line': 'HTTP/2.0 200 OK\r\n\r\n',
  'HTTP/0.9 in the status line': 'HTTP/0.9 200 OK\r\n\r\n',
  'two digits of minor version': 'HTTP/1.01 200 OK\r\n\r\n',
  'a tab after the version': 'HTTP/1.1\t200 OK\r\n\r\n',
  'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
  'a status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
  'a status below 100': 'HTTP/1.1 099 OK\r\n\r\n',
  'a bare CR after the status line': `HTTP/1.1 200 OK\rContent-Length: 0\r\n\r\n`,
  'bare LF line ends': 'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
  'a bare LF between fields': `${plain}A: b\nContent-Length: 0\r\n\r\n`,
  'NUL in a value': `${plain}A: b\0c\r\nContent-Length: 0\r\n\r\n`,
  'a bare CR in a value': `${plain}A: b\rc\r\nContent-Length: 0\r\n\r\n`,
  'another control character in a value': `${plain}A: b\x01c\r\nContent-Length: 0\r\n\r\n`,
  'a folded line': `${plain}A: b\r\n c\r\nContent-Length: 0\r\n\r\n`,
  'a space before the colon': `${plain}A : b\r\nContent-Length: 0\r\n\r\n`,
  'a line without a colon': `${plain}Nonsense\r\nContent-Length: 0\r\n\r\n`,
  'an empty field name': `${plain}: b\r\nContent-Length: 0\r\n\r\n`,
  'a space in a field name': `${plain}A b: c\r\nContent-Length: 0\r\n\r\n`,
  'an empty content-length': `${plain}Content-Length: \r\n\r\n`,
  'a signed content-length': `${plain}Content-Length: +5\r\n\r\nhello`,
  'a negative content-length': `${plain}Content-Length: -1\r\n\r\n`,
  'a hexadecimal content-length': `${plain}Content-Length: 0x5\r\n\r\nhello`,
  'a content-length beyond 2^53': `${plain}Content-Length: 9007199254740993\r\n\r\nhello`,
  'two different content-lengths': `${plain}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
  'content-length and transfer-encoding': `${plain}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'a coding that is not chunked': `${plain}Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n`,
  'a coding after chunked': `${plain}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
  'a coding before chunked': `${plain}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  'chunked twice': `${plain}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'an empty transfer-encoding': `${plain}Transfer-Encoding:\r\n\r\n0\r\n\r\n`,
  'transfer-encoding in HTTP/1.0': `HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'a chunk size that is no number': `${plain}Transfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n`,
  'a head that never ends': `${plain}${'A: b\r\n'.repeat(20_000)}`,
  'a status line that never ends': `HTTP/1.1 200 ${'O'.repeat(100_000)}`,
  'more fields than any answer has': `${plain}${'A: b\r\n'.repeat(5000)}\r\n`,
}

const malformedCases: readonly LeafCase[] = Object.entries(malformed).map(([what, bytes]) => ({
  name: `${what} is a malformed answer`,
  run: async (t, bench) => {
    const { origin, send } = await bench.pair(always(bytes))
    const sent = send()
    t.equal(await sent.fault(), 'upstream.malformed')
    await sent.closed
    await origin.peers[0]?.closed
    t.equal(sent.attempt.work.delivered, 'maybe')
  },
}))

const bodiless: readonly LeafCase[] = [
  ['an answer to HEAD keeps its length and has no body', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n'],
  ['an answer to HEAD may say chunked and has no body',
    'HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['a 304 with a length has no body', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n'],
  ['a 204 has no body', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ['a 204 with a length has no body', 'GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n'],
].map(([name, method, bytes]) => ({
  name: `${name}, and the connection serves on`,
  run: async (t, bench) => {
    const { origin, send } = await bench.pair(always(bytes as string))
    for (let round = 0; round < 2; round++) {
      const sent = send({ method: method as string })
      const reply = await sent.reply()
      t.equal(reply.body, null)
      if ((bytes as string).includes('99')) t.equal(reply.headers[1], '99')
      await sent.closed
    }
    t.ok(origin.peers.length <= 2)
  },
} satisfies LeafCase))

export const answerCases: readonly LeafCase[] = [
  {
    name: 'a head keeps order, case and repetition of its fields',
    run: async (t, bench) => {
      const { send } = await bench.pair(always(
        'HTTP/1.1 203 Sort of OK\r\nX-b:  two words \t\r\nSET-Cookie: a\r\nset-cookie: b\r\nEmpty:\r\n'
        + 'Content-Length: 2\r\nX-e: \xe9\r\n\r\nhi',
      ))
      const sent = send()
      const reply = await sent.reply()
      t.equal(reply.status, 203)
      t.equal(reply.reason, 'Sort of OK')
      t.same(reply.headers, [
        'X-b', 'two words', 'SET-Cookie', 'a', 'set-cookie', 'b', 'Empty', '', 'Content-Length', '2', 'X-e', '\xe9',
      ])
      t.equal(reply.body?.length, 2)
      t.equal((await sent.body()).text, 'hi')
      await sent.closed
      t.equal(sent.attempt.work.delivered, 'yes')
    },
  },
  {
    name: 'a status line without a reason is an answer',
    run: async (t, bench) => {
      const { send } = await bench.pair(always('HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n'))
      const reply = await send().reply()
      t.equal(reply.status, 404)
      t.equal(reply.reason, '')
    },
  },
  {
    name: 'identical content-lengths are one',
    run: async (t, bench) => {
      const { send } = await bench.pair(always('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi'))
      const sent = send()
      t.equal((await sent.body()).text, 'hi')
      t.same((await sent.reply()).headers, ['Content-Length', '2'])
    },
  },
  {
    name: 'interim answers are told in order before the answer',
    run: async (t, bench) => {
      const { send } = await bench.pair(always(
        'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n'
        + `HTTP/1.1 199 Whatever\r\n\r\n${answer('hi')}`,
      ))
      const sent = send()
      t.equal((await sent.body()).text, 'hi')
      t.same(sent.interim.map((i) => i.status), [102, 103, 199])
      t.same(sent.interim[1]?.headers, ['Link', '</a>; rel=preload'])
    },
  },
  {
    name: 'a 100 nobody asked for is not told',
    run: async (t, bench) => {
      const { send } = await bench.pair(always(`HTTP/1.1 100 Continue\r\n\r\n${answer('hi')}`))
      const sent = send()
      t.equal((await sent.body()).text, 'hi')
      t.same(sent.interim, [])
    },
  },
  {
    name: 'a flood of interim answers is malformed',
    run: async (t, bench) => {
      const { send } = await bench.pair(always('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1000)))
      t.equal(await send().fault(), 'upstream.malformed')
    },
  },
  {
    name: 'a 101 nobody asked for is malformed',
    run: async (t, bench) => {
      const { send } = await bench.pair(always('HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nbytes'))
      t.equal(await send().fault(), 'upstream.malformed')
    },
  },
  {
    name: 'an answer may come in single bytes',
    run: async (t, bench) => {
      const bytes = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nTrailer: X-T\r\n\r\n'
        + '5;a=b;c="d;\\"e"\r\nhello\r\n00A\r\n, world!!!\r\n0\r\nX-T: end\r\n\r\n'
      const { send } = await bench.pair(async (peer) => {
        await peer.head()
        for (const byte of bytes) await peer.sendApart(byte)
      })
      const collected = await send().body()
      t.equal(collected.text, 'hello, world!!!')
      t.same(collected.trailers, ['X-T', 'end'])
    },
  },
  ...bodiless,
  ...malformedCases,
]
