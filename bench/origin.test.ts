// The origin's little HTTP: bodies, pipelining and splits, because a wrong count there is a wrong figure everywhere.
import { Duplex } from 'node:stream'
import { test } from 'tap'
import { createOrigin } from './origin.ts'

/** Gives the origin each piece as one read, and returns all that it wrote until it or the caller ended. */
function exchange(pieces: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    let received = ''
    const connection = new Duplex({
      // As sockets of a server are: its side ends when the caller's does.
      allowHalfOpen: false,
      read: () => {},
      write: (chunk: Buffer, _encoding, written) => {
        received += chunk.toString('latin1')
        written()
      },
    })
    connection.on('close', () => resolve(received))
    // The origin ends its side when it refuses; here the caller then ends too.
    connection.on('finish', () => connection.destroy())
    // A stream of its own and no socket, because a socket may join what was written apart.
    createOrigin().emit('connection', connection)
    for (const piece of pieces) connection.push(piece)
    connection.push(null)
  })
}

const answersIn = (received: string): number => received.split('HTTP/1.1 200 OK').length - 1

test('a request gets a JSON of about 200 bytes with its exact length', async (t) => {
  const received = await exchange(['GET / HTTP/1.1\r\nhost: x\r\n\r\n'])
  const [head = '', body = ''] = received.split('\r\n\r\n')
  t.match(head, new RegExp(`content-length: ${body.length}`))
  t.ok(body.length > 150 && body.length < 250, `${body.length} bytes`)
  t.type(JSON.parse(body), 'object')
})

test('pipelined requests with bodies get one answer each, wherever they are split', async (t) => {
  const post = 'POST / HTTP/1.1\r\nContent-Length: 26\r\n\r\nGET / HTTP/1.1\r\n\r\n not one!'
  const bytes = `${post}GET /a HTTP/1.1\r\n\r\n${post}`
  t.equal(answersIn(await exchange([bytes])), 3)
  for (let cut = 1; cut < bytes.length; cut += 7) {
    t.equal(answersIn(await exchange([bytes.slice(0, cut), bytes.slice(cut)])), 3, `cut at ${cut}`)
  }
})

test('HEAD gets no body', async (t) => {
  const received = await exchange(['HEAD / HTTP/1.1\r\n\r\n'])
  t.ok(received.endsWith('\r\n\r\n'))
})

test('a chunked request is refused and not misread', async (t) => {
  const chunked = 'POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'
  const received = await exchange([`${chunked}GET / HTTP/1.1\r\n\r\n`])
  t.match(received, /^HTTP\/1\.1 411 /)
  t.equal(answersIn(received), 0)
})
