// A service without a socket whose bytes take their time: slots that work on a request once its body has come whole,
// and answers of any length, read no faster than their caller reads. The upload and the held answer are the proxy's
// own, so that what the gates hear of slow callers is what they hear in earnest.

import type { Attempt } from '../../proxy/core/attempt.ts'
import type { Clock } from '../../proxy/core/clock.ts'
import type { CheckResult, Endpoint, Upstream } from '../../proxy/core/upstream.ts'
import { ReplyBody } from '../../proxy/upstream/reply-body.ts'
import type { ReplyBodyOwner } from '../../proxy/upstream/reply-body.ts'
import { Upload } from '../../proxy/upstream/upload.ts'
import type { UploadWriter } from '../../proxy/upstream/upload.ts'

export interface PacedService {
  /** Requests worked on at once. */
  readonly slots: number
  readonly serviceMs: () => number
  /** Bytes of the answer to that path. */
  readonly bytesOf: (path: string) => number
}

const chunkBytes = 16 * 1024

export class PacedUpstream implements Upstream {
  readonly name = 'service'
  readonly endpoints: readonly Endpoint[] = [{ url: 'http://s.sim', host: 's.sim', port: 80, isSecure: false }]
  readonly #clock: Clock
  readonly #service: PacedService
  readonly #waiting: Sending[] = []
  #working = 0

  constructor(clock: Clock, service: PacedService) {
    this.#clock = clock
    this.#service = service
  }

  send(attempt: Attempt): void {
    const sending = new Sending(attempt, this.#service.bytesOf(attempt.work.exchange.caller.head.path))
    attempt.endpoint = this.endpoints[0] as Endpoint
    attempt.leaf = sending
    attempt.sent()
    sending.begin(() => {
      this.#waiting.push(sending)
      this.#serve()
    })
  }

  async probe(): Promise<string | null> { return null }
  async check(): Promise<CheckResult> { return 200 }
  inspect(): Record<string, number> { return { working: this.#working } }
  close(): void { /* There is nothing open. */ }

  #serve(): void {
    while (this.#working < this.#service.slots) {
      const sending = this.#waiting.shift()
      if (sending === undefined) return
      this.#working++
      this.#clock.after(this.#service.serviceMs(), () => {
        this.#working--
        sending.answer()
        this.#serve()
      })
    }
  }
}

/** One request on its way, and its answer on its way back. */
class Sending implements UploadWriter, ReplyBodyOwner {
  readonly isOver = false
  readonly #attempt: Attempt
  #left: number
  #received: (() => void) | null = null
  #upload: Upload | null = null
  #isPaused = false

  constructor(attempt: Attempt, answerBytes: number) {
    this.#attempt = attempt
    this.#left = answerBytes
  }

  begin(received: () => void): void {
    const body = this.#attempt.work.openBody()
    if (body === null) return received()
    this.#received = received
    this.#upload = new Upload(body, this, this.#attempt)
    this.#upload.start()
  }

  write(): boolean { return true }

  end(): boolean {
    this.#received?.()
    return true
  }

  answer(): void {
    const attempt = this.#attempt
    if (attempt.isClosed) return
    const body = new ReplyBody(this, this.#left, null, null)
    attempt.headed({ kind: 'reply', status: 200, reason: '', headers: [], body, origin: 'upstream' })
    this.resumeReading(body)
  }

  /** As a connection does it: reads until there is enough, and says so. */
  resumeReading(body: ReplyBody): void {
    const attempt = this.#attempt
    if (this.#isPaused) attempt.turn('busy')
    while (this.#left > 0 && body.wantsMore && !attempt.isClosed) {
      const count = Math.min(chunkBytes, this.#left)
      this.#left -= count
      body.push(new Uint8Array(count))
    }
    if (attempt.isClosed) return
    this.#isPaused = this.#left > 0
    if (this.#isPaused) return attempt.turn('idle')
    attempt.closed()
    body.finish(null)
  }

  dropReply(): void { this.#attempt.closed() }

  cut(): void {
    this.#upload?.abandon()
    this.#attempt.closed()
  }
}
