// What reaches the socket, in how many writes, and that a wrong length is never papered over.

import type { Socket } from 'node:net'
import { test } from 'tap'
import { BodyWriter } from './body-writer.ts'
import { bodyUntilClose, chunkedBody, noBody } from './framing.ts'

/** Records writes; what lies between cork and uncork is one. */
class Recorder {
  readonly writes: string[] = []
  hasRoom = true
  #corked: string | null = null

  get writableNeedDrain(): boolean {
    return !this.hasRoom
  }

  write(chunk: string | Uint8Array): boolean {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1')
    if (this.#corked === null) this.writes.push(text)
    else this.#corked += text
    return this.hasRoom
  }

  cork(): void {
    this.#corked = ''
  }

  uncork(): void {
    this.writes.push(this.#corked ?? '')
    this.#corked = null
  }
}

function writerOf(head: string, framing: number): { recorder: Recorder; writer: BodyWriter } {
  const recorder = new Recorder()
  const writer = new BodyWriter(recorder as unknown as Socket)
  writer.begin(head, framing)
  return { recorder, writer }
}

const small = Buffer.from('caf\xe9\0', 'latin1')
const large = Buffer.alloc(100_000, 'x')

await test('a head leaves with the first chunk, in one write', (t) => {
  for (const chunk of [small, new Uint8Array(small), large]) {
    const { recorder, writer } = writerOf('HEAD', chunk.length)
    t.ok(writer.write(chunk))
    t.ok(writer.end(null))
    t.same(recorder.writes, [`HEAD${Buffer.from(chunk).toString('latin1')}`])
  }
  t.end()
})

await test('a head can leave alone, once', (t) => {
  const { recorder, writer } = writerOf('HEAD', 5)
  writer.flush()
  writer.flush()
  writer.write(small)
  t.ok(writer.end(null))
  t.same(recorder.writes, ['HEAD', 'caf\xe9\0'])
  const bodiless = writerOf('HEAD', noBody)
  t.ok(bodiless.writer.write(small))
  t.ok(bodiless.writer.end(null))
  t.same(bodiless.recorder.writes, ['HEAD'])
  t.end()
})

await test('chunks are framed, empty ones are not written, and the last one ends it', (t) => {
  const { recorder, writer } = writerOf('HEAD', chunkedBody)
  writer.write(small)
  writer.write(Buffer.alloc(0))
  writer.write(large)
  t.ok(writer.end(null))
  t.same(recorder.writes, ['HEAD5\r\ncaf\xe9\0\r\n', `186a0\r\n${large.toString()}\r\n`, '0\r\n\r\n'])
  t.end()
})

await test('an empty chunked body is one write', (t) => {
  const { recorder, writer } = writerOf('HEAD', chunkedBody)
  t.ok(writer.end(['X-Sum', '42', 'Content-Length', '7', 'TE', 'x', 'set-cookie', 'a', 'Host', 'b', 'Y', '']))
  t.same(recorder.writes, ['HEAD0\r\nX-Sum: 42\r\nY: \r\n\r\n'])
  t.end()
})

await test('a body until close is written as it is', (t) => {
  const { recorder, writer } = writerOf('HEAD', bodyUntilClose)
  writer.write(small)
  t.ok(writer.end(null))
  t.same(recorder.writes, ['HEADcaf\xe9\0'])
  t.end()
})

await test('too much is not written, and too much or too little is told', (t) => {
  const over = writerOf('HEAD', 6)
  over.writer.write(small)
  t.notOk(over.writer.isOver)
  t.notOk(over.writer.write(small))
  t.ok(over.writer.isOver)
  t.notOk(over.writer.end(null))
  t.same(over.recorder.writes, ['HEADcaf\xe9\0'])
  const under = writerOf('HEAD', 6)
  under.writer.write(small)
  t.notOk(under.writer.end(null))
  t.end()
})

await test('a full socket is told by every way of writing', (t) => {
  for (const framing of [chunkedBody, bodyUntilClose, 300_000]) {
    const { recorder, writer } = writerOf('HEAD', framing)
    recorder.hasRoom = false
    t.notOk(writer.write(small))
    t.notOk(writer.write(large))
    t.notOk(writer.write(small))
    t.notOk(writer.flush())
  }
  t.end()
})
