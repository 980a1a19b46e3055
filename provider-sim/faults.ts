// Sends an answer as the port's body fault wants it: whole, cut short, slowly or without end; and resets a connection.
// It needs the bare socket, which is why the simulator stands on node:http. It decides no chances and counts nothing.

import type { ServerResponse } from 'node:http'
import type { BodyFault } from './behaviour.ts'
import { MAX_HOLD_MS } from './behaviour.ts'
import type { Answer } from './service.ts'
import type { Waits } from './waits.ts'

/** 'complete': sent to the last byte. 'cut': ended early by the fault itself or by closing. 'gone': the client left. */
export type SendEnd = 'complete' | 'cut' | 'gone'

/** Ticks of a paced body: fine enough to look like a trickle, coarse enough not to cost the machine. */
const TICK_MS = 50

/** Resets the connection (TCP RST): the client sees ECONNRESET, whatever was sent before. */
export function resetConnection(response: ServerResponse): void {
  response.req.socket.resetAndDestroy()
}

/** Sends `answer` under `fault`; an answer without a body, such as a 204, is always sent whole. Resolves always. */
export async function sendAnswer(
  response: ServerResponse,
  answer: Answer,
  fault: BodyFault,
  pauses: Waits,
): Promise<SendEnd> {
  if (isGone(response)) return 'gone'
  const body = Buffer.from(answer.body)
  const length = String(body.length)
  if (body.length === 0) {
    response.writeHead(answer.status, answer.headers)
    return sendEnd(response)
  }
  switch (fault.type) {
    case 'normal':
      response.writeHead(answer.status, { ...answer.headers, 'content-length': length })
      return sendEnd(response, body)
    case 'truncated':
      response.writeHead(answer.status, { ...answer.headers, 'content-length': length })
      return sendHalf(response, body)
    case 'slow':
      response.writeHead(answer.status, { ...answer.headers, 'content-length': length })
      return sendSlowly(response, body, fault.bytesPerSecond, pauses)
    case 'endless':
      break
  }
  response.writeHead(answer.status, answer.headers)
  return sendEndlessly(response, body, fault.bytesPerSecond, pauses)
}

/** By the request's socket: the response of a pipelined request has none of its own before its turn. */
function isGone(response: ServerResponse): boolean {
  return response.destroyed || response.req.socket.destroyed
}

function sendEnd(response: ServerResponse, body?: Buffer): Promise<SendEnd> {
  return new Promise((resolve) => {
    const { socket } = response.req
    const leave = (): void => resolve('gone')
    socket.once('close', leave)
    response.once('finish', () => {
      socket.off('close', leave)
      resolve('complete')
    })
    response.end(body)
  })
}

async function sendHalf(response: ServerResponse, body: Buffer): Promise<SendEnd> {
  await write(response, body.subarray(0, Math.ceil(body.length / 2)))
  // A FIN after what was written, not a reset: the client must notice by counting.
  response.req.socket.destroySoon()
  return 'cut'
}

async function sendSlowly(
  response: ServerResponse,
  body: Buffer,
  bytesPerSecond: number,
  pauses: Waits,
): Promise<SendEnd> {
  // The head goes first and at once: what is slow is the body.
  response.flushHeaders()
  const { tickMs, tickBytes } = pace(bytesPerSecond)
  for (let sent = 0; sent < body.length; sent += tickBytes) {
    if ((await pauses.wait(tickMs)) === 'cancelled') return cut(response)
    if (isGone(response)) return 'gone'
    const piece = body.subarray(sent, sent + tickBytes)
    if (sent + tickBytes >= body.length) return sendEnd(response, piece)
    await write(response, piece)
  }
  return sendEnd(response)
}

async function sendEndlessly(
  response: ServerResponse,
  body: Buffer,
  bytesPerSecond: number,
  pauses: Waits,
): Promise<SendEnd> {
  const { tickMs, tickBytes } = pace(bytesPerSecond)
  const filler = Buffer.alloc(tickBytes, ' ')
  await write(response, body)
  for (let elapsedMs = 0; elapsedMs < MAX_HOLD_MS; elapsedMs += tickMs) {
    if ((await pauses.wait(tickMs)) === 'cancelled') return cut(response)
    if (isGone(response)) return 'gone'
    await write(response, filler)
  }
  return cut(response)
}

function pace(bytesPerSecond: number): { readonly tickMs: number; readonly tickBytes: number } {
  const tickBytes = Math.max(1, Math.floor((bytesPerSecond * TICK_MS) / 1_000))
  return { tickMs: (tickBytes * 1_000) / bytesPerSecond, tickBytes }
}

function cut(response: ServerResponse): SendEnd {
  response.destroy()
  return 'cut'
}

/** Resolves when the piece has left for the kernel, or the client is gone; one that does not read holds us here. */
function write(response: ServerResponse, piece: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const { socket } = response.req
    const done = (): void => {
      socket.off('close', done)
      resolve()
    }
    socket.once('close', done)
    response.write(piece, done)
  })
}
