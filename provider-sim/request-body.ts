// Reads the whole body of a request into memory, up to a bound. It does not parse it.

import type { IncomingMessage } from 'node:http'

/** A charge or an event has a few hundred bytes; a timetable of MAX_STEPS steps stays below too. */
export const MAX_BODY_BYTES = 256 * 1_024

/** 'aborted': the client left before its request was complete, so there is nothing to execute. */
export function readBody(message: IncomingMessage): Promise<Buffer | 'too-large' | 'aborted'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    message.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= MAX_BODY_BYTES) chunks.push(chunk)
      else resolve('too-large')
    })
    message.once('end', () => resolve(Buffer.concat(chunks)))
    message.once('error', () => resolve('aborted'))
    message.once('close', () => resolve('aborted'))
  })
}
