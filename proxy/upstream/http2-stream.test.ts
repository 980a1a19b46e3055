import type { ClientHttp2Session } from 'node:http2'
import { Duplex } from 'node:stream'
import { test } from 'tap'
import { OpenStream } from './http2-stream.ts'
import type { StreamOwner } from './http2-stream.ts'

function owner(seen: string[]): StreamOwner {
  return {
    interim: () => { seen.push('interim') },
    head: () => { seen.push('head') },
    data: (chunk) => { seen.push(String(chunk)) },
    trailers: () => { seen.push('trailers') },
    complete: () => { seen.push('complete') },
    drained: () => {},
    closed: () => { seen.push('closed') },
  }
}

test('data that node hands over before the head it came behind is not lost', async (t) => {
  const stream = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => { done() } })
  const client = { request: () => stream } as unknown as ClientHttp2Session
  const seen: string[] = []
  t.equal(new OpenStream(client, [], null, owner(seen)).id, 0)
  // Node tells of heads in the next tick, and of data at once: within a call of ours both may come in one go.
  await new Promise((resolve) => { setImmediate(resolve) })
  process.nextTick(() => { stream.emit('response', {}, 0, [':status', '200']) })
  stream.push('body')
  stream.push(null)
  stream.end()
  await new Promise((resolve) => { stream.once('close', resolve) })
  t.strictSame(seen, ['head', 'body', 'complete', 'closed'])
})
