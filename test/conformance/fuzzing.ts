// Mutated requests through a whole Seawall to an origin that records bytes, held against a second reader. One lane is
// one instance with an origin of its own, so that what the origin got belongs to the one connection that was open.

import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'
import { RawClient } from '../support/raw-client.ts'
import { RawOrigin } from '../support/raw-origin.ts'
import { seededRandom } from '../sim/seeded-random.ts'
import { inFrontOfOrigin, ok } from './between.ts'
import type { Between } from './between.ts'
import { readStream } from './framing-oracle.ts'
import type { Reading } from './framing-oracle.ts'
import { mutated } from './mutations.ts'

export interface FuzzResult {
  readonly cases: number
  /** Requests that had to reach the origin, and did. */
  readonly served: number
  readonly refused: number
  /** What went wrong, with the bytes that made it. */
  readonly faults: readonly string[]
}

const lanes = 8
/** More would say the same again. */
const maxFaults = 20

/** Sends `cases` mutated connections of this seed. */
export async function fuzz(t: Test, seed: number, cases: number): Promise<FuzzResult> {
  const faults: string[] = []
  let [next, served, refused] = [0, 0, 0]
  await Promise.all(Array.from({ length: lanes }, async () => {
    const origin = await recordingOrigin(t)
    const lane = new Lane(await inFrontOfOrigin(t, origin), origin)
    while (next < cases && faults.length < maxFaults) {
      const index = next++
      const random = seededRandom(seed, String(index))
      const bytes = mutated(random)
      const expected = readStream(bytes)
      const fault = await lane.run(bytes, expected, random() < 0.5 ? Math.floor(random() * bytes.length) : 0)
      if (fault !== null) faults.push(`case ${index}: ${fault}\n${JSON.stringify(bytes)}\n${JSON.stringify(expected)}`)
      served += expected.requests.length
      if (expected.end === 'refused') refused++
    }
  }))
  return { cases: next, served, refused, faults }
}

/** What came over each connection, and nothing else. */
export class Recording extends RawOrigin {
  readonly streams: string[] = []
}

/** Answers what the second reader takes for a request. */
export async function recordingOrigin(t: Test): Promise<Recording> {
  const server = createServer({ noDelay: true })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const origin = new Recording(server)
  server.on('connection', (socket: Socket) => {
    const at = origin.streams.push('') - 1
    let answered = 0
    origin.sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => origin.sockets.delete(socket))
    socket.on('data', (chunk) => {
      origin.streams[at] += chunk.toString('latin1')
      const complete = readStream(origin.streams[at] as string).requests.length
      for (; answered < complete; answered++) socket.write(ok)
    })
  })
  t.teardown(() => {
    for (const socket of origin.sockets) socket.destroy()
    server.close()
  })
  t.equal(typeof (server.address() as AddressInfo).port, 'number')
  return origin
}

class Lane {
  readonly #between: Between
  readonly #origin: Recording

  constructor(b: Between, origin: Recording) {
    this.#between = b
    this.#origin = origin
  }

  /** Null when all was as it has to be. `cut`: where the bytes are split in two writes. */
  async run(bytes: string, expected: Reading, cut: number): Promise<string | null> {
    const origin = this.#origin
    // Streams of connections that stay open begin anew: the origin counts per stream, so they are closed in between.
    // Both ends have to know: a request on a connection whose end is still on its way is lost, and that is no fault.
    for (const socket of origin.sockets) socket.destroy()
    while (origin.sockets.size > 0 || this.#kept > 0) await new Promise((resolve) => { setImmediate(resolve) })
    origin.streams.length = 0
    const client = new RawClient(this.#between.port)
    client.write(bytes.slice(0, cut))
    if (cut > 0) await new Promise((resolve) => { setImmediate(resolve) })
    client.write(bytes.slice(cut))
    const { end, requests } = expected
    try {
      await client.until((received) => statusesOf(received).length >= requests.length, 3000)
      if (end === 'nothing' || end === 'incomplete') client.socket.end()
      await client.closed(3000)
    } catch {
      client.destroy()
      return `no end; received ${JSON.stringify(client.received)}`
    }
    client.destroy()
    return faultOf(statusesOf(client.received), origin.streams, expected) ?? this.#defect()
  }

  /** Connections to the origin that the proxy takes for open. */
  get #kept(): number {
    return Number(this.#between.instance.upstreams.get('service').inspect()['connections'])
  }

  #defect(): string | null {
    const [defect] = this.#between.defects
    return defect === undefined ? null : `a defect: ${defect instanceof Error ? defect.stack : JSON.stringify(defect)}`
  }
}

function statusesOf(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
}

function faultOf(statuses: readonly number[], streams: readonly string[], { requests, end }: Reading): string | null {
  const answers = statuses.slice(0, requests.length)
  if (answers.length < requests.length || answers.some((status) => status !== 200)) return `answers ${statuses.join()}`
  const rest = statuses.slice(requests.length)
  if (rest.some((status) => status < 400 || status > 505)) return `answers ${statuses.join()}`
  if (end === 'refused' && rest.length !== 1) return `not refused: ${statuses.join()}`
  if (end === 'incomplete' && rest.length > 1) return `answers ${statuses.join()}`
  if ((end === 'nothing' || end === 'closed') && rest.length > 0) return `answers ${statuses.join()}`
  const read = streams.map(readStream)
  if (read.some((stream) => stream.end === 'refused'))
    return `ambiguous bytes went upstream: ${JSON.stringify(streams)}`
  const got = read.flatMap((stream) => stream.requests)
  const [is, should] = [JSON.stringify(got), JSON.stringify(requests)]
  return is === should ? null : `the origin got ${is}`
}
