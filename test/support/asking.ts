// One request as a test wants to say it, on a connection of its own, and its whole answer; and waiting for what comes
// to be true, within a bound.

import { request } from 'node:http'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'

export interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly trailers: NodeJS.Dict<string>
  /** As latin1, so that no byte is lost. */
  readonly body: string
  /** From the call to the last byte. */
  readonly tookMs: number
}

export interface Asking {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string
}

/** Rejects when the answer does not come whole. */
export function ask(port: number, path: string, asking: Asking = {}): Promise<Answered> {
  const { method = 'GET', headers = {}, body } = asking
  const startedAt = performance.now()
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (answer) => {
      let text = ''
      answer.setEncoding('latin1')
      answer.on('data', (chunk: string) => { text += chunk })
      answer.on('error', reject)
      answer.on('end', () => {
        const { statusCode: status = 0, headers, rawHeaders, trailers } = answer
        resolve({ status, headers, rawHeaders, trailers, body: text, tookMs: performance.now() - startedAt })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** The code of a problem document; empty for any other body. */
export function codeOf({ headers, body }: Answered): string {
  if (headers['content-type'] !== 'application/problem+json') return ''
  return (JSON.parse(body) as { code: string }).code
}

/** Waits until `look` resolves to true, looking every few milliseconds; rejects with `what` when the time is over. */
export async function eventually(
  what: string, look: () => boolean | Promise<boolean>, timeoutMs = 5_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!await look()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => { setTimeout(resolve, 10) })
  }
}
