// The body of an answer that node's own client has read, as a source: of handshakes that are declined, and of nothing
// else.

import type { IncomingMessage } from 'node:http'
import type { BodySink, BodySource } from '../core/body.ts'

export class MessageBody implements BodySource {
  readonly length: number
  readonly #answer: IncomingMessage
  #isDiscarded = false

  constructor(answer: IncomingMessage) {
    this.#answer = answer
    // The parser has let one length of digits through, or none.
    this.length = Number(answer.headers['content-length'] ?? -1)
    // Its close says all that matters; without a listener an error would end the process.
    answer.on('error', () => {})
  }

  flow(sink: BodySink): void {
    const answer = this.#answer
    const over = (): void => {
      if (!answer.complete && !this.#isDiscarded) sink.fail('the upstream ended the connection before its answer')
    }
    if (answer.closed) return over()
    answer.on('close', over)
    answer.on('end', () => { if (!this.#isDiscarded) sink.end(null) })
    answer.on('data', (chunk: Buffer) => { if (!this.#isDiscarded && !sink.write(chunk)) answer.pause() })
  }

  resume(): void { this.#answer.resume() }

  discard(): void {
    this.#isDiscarded = true
    this.#answer.destroy()
  }
}
