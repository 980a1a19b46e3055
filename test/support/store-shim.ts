// What stands between a Seawall and its Redis: passes everything on until it is told to swallow a command, or only the
// answer to it, and from then on all that follows in that direction. So a process can be killed at any point of a word
// to its store, with no hook in the product.

import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'
import type { RedisServer } from './redis-server.ts'

/** What is said to the store, by the word of ours it begins with. */
export type StoreWord = 'look' | 'claim' | 'finish' | 'release' | 'doubt' | 'renew'

export interface StoreShim {
  readonly url: string
  /** Never reaches the store, nor does anything after it. */
  swallow: StoreWord | null
  /** Reaches the store, but nothing comes back any more. */
  mute: StoreWord | null
  /** Called when one of the two was met. */
  onMet: (() => void) | null
}

export async function storeShim(t: Test, redis: RedisServer): Promise<StoreShim> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(redis.port, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => { /* The other end sees it too. */ })
      socket.on('close', () => { near.destroy(); far.destroy() })
    }
    let [isSwallowing, isMute] = [false, false]
    near.on('data', (chunk) => {
      isMute ||= shim.mute !== null && says(chunk, shim.mute)
      isSwallowing ||= shim.swallow !== null && says(chunk, shim.swallow)
      if (!isSwallowing) far.write(chunk)
      if (isSwallowing || isMute) shim.onMet?.()
    })
    far.on('data', (chunk) => { if (!isMute) near.write(chunk) })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const shim: StoreShim = {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, swallow: null, mute: null, onMet: null,
  }
  return shim
}

/** As an argument of its own; in the scripts the words stand in quotes. */
function says(chunk: Buffer, word: StoreWord): boolean {
  return chunk.includes(`\r\n${word}\r\n`)
}
