// Bodies of any size through a whole Seawall, checked by their digest, with what was held of them in this process:
// both ends and the proxy together.

import { createHash } from 'node:crypto'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Test } from 'tap'
import { RawOrigin } from '../support/raw-origin.ts'
import { get, inFrontOfOrigin, ok, request } from './between.ts'
import type { Between } from './between.ts'

export interface LargeBody {
  readonly tookMs: number
  /** The most that was held, beyond what was at the start. */
  readonly grewMiB: number
  /** What came is what was sent. */
  readonly isSame: boolean
}

const chunkBytes = 64 * 1024
const lookEveryMs = 50

/** A body of `megabytes` from a caller to the origin. */
export async function uploads(t: Test, megabytes: number): Promise<LargeBody> {
  const total = megabytes * 2 ** 20
  const received = createHash('sha1')
  let left = -1
  const b = await serving(t, (socket) => {
    socket.on('data', (chunk: Buffer) => {
      let body = chunk
      if (left < 0) {
        body = chunk.subarray(chunk.indexOf('\r\n\r\n') + 4)
        left = total
      }
      received.update(body)
      left -= body.length
      if (left === 0) socket.write(ok)
    })
  })
  const caller = connect({ port: b.port, host: '127.0.0.1' })
  t.teardown(() => caller.destroy())
  caller.write(request('POST', '/', `Content-Length: ${total}`))
  return measured(async () => {
    const sent = pour(caller, total)
    await new Promise<void>((resolve) => { caller.once('data', () => resolve()) })
    return await sent === received.digest('hex')
  })
}

/** A body of `megabytes` from the origin to a caller. */
export async function downloads(t: Test, megabytes: number): Promise<LargeBody> {
  const total = megabytes * 2 ** 20
  let sent: Promise<string> | null = null
  const b = await serving(t, (socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`)
      sent = pour(socket, total)
    })
  })
  const caller = connect({ port: b.port, host: '127.0.0.1' })
  t.teardown(() => caller.destroy())
  caller.write(get('/'))
  return measured(async () => {
    const received = createHash('sha1')
    let left = -1
    await new Promise<void>((resolve) => {
      caller.on('data', (chunk: Buffer) => {
        let body = chunk
        if (left < 0) {
          body = chunk.subarray(chunk.indexOf('\r\n\r\n') + 4)
          left = total
        }
        received.update(body)
        left -= body.length
        if (left === 0) resolve()
      })
      caller.on('close', () => resolve())
    })
    return await sent === received.digest('hex')
  })
}

async function serving(t: Test, serve: (socket: Socket) => void): Promise<Between> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    serve(socket)
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return inFrontOfOrigin(t, new RawOrigin(server))
}

/** Writes that many bytes as fast as they are taken; resolves to their digest. */
async function pour(socket: Socket, total: number): Promise<string> {
  const hash = createHash('sha1')
  for (let written = 0; written < total; written += chunkBytes) {
    const chunk = Buffer.alloc(Math.min(chunkBytes, total - written), (written / chunkBytes) % 251)
    hash.update(chunk)
    if (!socket.write(chunk)) await new Promise<void>((resolve) => { socket.once('drain', resolve) })
    if (socket.destroyed) break
  }
  return hash.digest('hex')
}

/** Collects garbage, whose amount says how fast the bytes came and nothing of what is held. */
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heldBytes(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function measured(transfer: () => Promise<boolean>): Promise<LargeBody> {
  const before = heldBytes()
  let most = before
  // Behind each look as long again for the bytes: where others keep the machine busy, nothing else would be done.
  let timer = setTimeout(look, lookEveryMs)
  function look(): void {
    const beganAt = performance.now()
    most = Math.max(most, heldBytes())
    timer = setTimeout(look, lookEveryMs + performance.now() - beganAt)
  }
  const startedAt = performance.now()
  const isSame = await transfer()
  clearTimeout(timer)
  return { tookMs: Math.round(performance.now() - startedAt), grewMiB: Math.round((most - before) / 2 ** 20), isSame }
}
