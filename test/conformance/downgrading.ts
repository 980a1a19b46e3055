// Hostile heads, bodies and trailers over HTTP/2 through a whole Seawall to an origin of HTTP/1.1 that records bytes:
// whatever a field may hold there, the origin gets one request for one stream that was answered, and nothing for any
// other.

import type { Test } from 'tap'
import type { Random } from '../../proxy/core/random.ts'
import {
  endHeaders, endStream, fieldBlock, frame, frameTypes, resetStream,
} from '../../proxy/edge/fixtures/http2-frames.ts'
import { RawHttp2Client } from '../../proxy/edge/fixtures/raw-http2-client.ts'
import { seededRandom } from '../sim/seeded-random.ts'
import { inFrontOfOrigin } from './between.ts'
import { readStream } from './framing-oracle.ts'
import { recordingOrigin } from './fuzzing.ts'
import type { FuzzResult } from './fuzzing.ts'

type Field = readonly [string, string]

/** Any of these as a line or a request of its own at the origin would be smuggled. */
const smuggled = ['\r\nx-evil: 1', '\nx-evil: 1', '\rx-evil: 1', '\0\r\nx-evil: 1',
  '\r\n\r\nGET /evil HTTP/1.1\r\nhost: a\r\n\r\n']
const names = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te', 'content-length',
  'host', 'Host', 'Content-Length', 'x-f1', 'x:evil', 'x evil', 'x\tevil', 'x-f1 ', ' x-f1', 'x\0', '', ':path',
  ':method', ':evil', 'cookie', 'trailer', 'via', 'content-length ', 'http2-settings',
  ...smuggled.map((text) => `x${text}`)]
const values = ['', 'chunked', 'close', 'x-f1', '0', '5', '6', '+5', '5, 5', ' 5', 'trailers', 'gzip', 'b.test',
  'a.test', 'a ', '\x7f', '\xff', 'h2c', '/evil', ...smuggled.map((text) => `a${text}`)]
const pseudo: Readonly<Record<string, readonly string[]>> = {
  ':method': ['GET', 'CONNECT', 'TRACE', 'PRI', 'get', '', 'GET /evil HTTP/1.1\r\nx-evil:', 'G T'],
  ':scheme': ['https', 'ftp', '', 'http://b.test/evil?', 'http\r\nx-evil: 1'],
  ':authority': ['b.test', 'a.test:80', 'u@a.test', '', 'a.test\r\nx-evil: 1', 'a.test/evil', 'a b'],
  ':path': ['', '*', 'evil', '/evil HTTP/1.1\r\nx-evil: 1', '/a b', '/\x80', 'http://b.test/evil', '/#'],
}
const streamsPerConnection = 8
const atOnce = 4
/** More would say the same again. */
const maxFaults = 20
/** `:status: 200` as every encoder writes it. */
const isOk = 0x88

/** Sends `cases` streams of this seed. */
export async function fuzzDowngrade(t: Test, seed: number, cases: number): Promise<FuzzResult> {
  const faults: string[] = []
  let [next, served, refused] = [0, 0, 0]
  await Promise.all(Array.from({ length: atOnce }, async () => {
    const origin = await recordingOrigin(t)
    const house = await inFrontOfOrigin(t, origin, { listener: { http2: true } })
    while (next < cases && faults.length < maxFaults) {
      const first = next
      next += streamsPerConnection
      for (const socket of origin.sockets) socket.destroy()
      const { upstreams } = house.instance
      while (origin.sockets.size > 0 || Number(upstreams.get('service').inspect()['connections']) > 0) await turn()
      origin.streams.length = 0
      const messages = Array.from({ length: streamsPerConnection }, (_, i) =>
        messageOf(seededRandom(seed, String(first + i)), first + i, 2 * i + 1))
      const { answered, unheard } = await send(house.server.address, messages)
      if (unheard > 0) faults.push(`${unheard} streams behind case ${first} have no end`)
      faults.push(...faultsOf(messages, answered, origin.streams), ...house.defects.splice(0).map(String))
      served += answered.size
      refused += messages.length - answered.size
    }
  }))
  return { cases: next, served, refused, faults }
}

interface Message {
  readonly stream: number
  readonly method: string
  readonly path: string
  readonly body: string
  readonly frames: readonly Buffer[]
  /** Its caller resets it: there may be no answer. */
  readonly isReset: boolean
  /** For whoever has to look at it. */
  readonly fields: readonly Field[]
}

/** Mostly right, or nothing would get through the gate. */
function messageOf(random: Random, index: number, stream: number): Message {
  const roll = (sides: number): number => Math.floor(random() * sides)
  const one = <T>(of: readonly T[]): T => of[roll(of.length)] as T
  const path = `/case-${index}`
  const fields: Field[] = [[':method', 'POST'], [':scheme', 'http'], [':authority', 'a.test'], [':path', path]]
  const body = roll(2) === 0 ? '' : 'hello'.repeat(1 + roll(3))
  if (body !== '' && roll(2) === 0) fields.push(['content-length', String(body.length)])
  if (roll(2) === 0) fields.push(['x-f1', 'kept'])
  for (let i = roll(3); i > 0; i--) damage(fields, roll, one)
  const half = roll(body.length + 1)
  const trailers: Field[] = roll(4) === 0 ? [[one(['x-f2', ...names]), one(values)]] : []
  const parts = body === '' ? [] : [body.slice(0, half), body.slice(half)]
  const endsAtHead = parts.length === 0 && trailers.length === 0 && roll(2) === 0
  const frames = [frame(frameTypes.headers, endHeaders | (endsAtHead ? endStream : 0), stream, fieldBlock(...fields))]
  for (const part of parts) frames.push(frame(frameTypes.data, 0, stream, part))
  if (trailers.length > 0) {
    frames.push(frame(frameTypes.headers, endHeaders | endStream, stream, fieldBlock(...trailers)))
  } else if (!endsAtHead) frames.push(frame(frameTypes.data, endStream, stream))
  const isReset = roll(40) === 0
  if (isReset) frames.splice(1 + roll(frames.length), 0, resetStream(stream, 8))
  const method = fields.find(([name]) => name === ':method')?.[1] ?? ''
  return { stream, method, path, body, frames, isReset, fields: [...fields, ...trailers] }
}

function damage(fields: Field[], roll: (sides: number) => number, one: <T>(of: readonly T[]) => T): void {
  const at = roll(fields.length)
  const [name, value] = fields[at] ?? ['x', '']
  switch (roll(6)) {
    case 0: return void fields.splice(at, 1)
    case 1: return void fields.push([name, value])
    case 2: return void (fields[at] = [name, one(pseudo[name] ?? values)])
    case 3: return void (fields[at] = [name.toUpperCase(), value])
    default: fields.splice(roll(3) === 0 ? at : fields.length, 0, [one(names), one(values)])
  }
}

/** Resolves to the streams that were answered with 200, and how many nobody heard of again. */
async function send(url: string, messages: readonly Message[]): Promise<{ answered: Set<number>; unheard: number }> {
  const client = new RawHttp2Client(url)
  client.send(...messages.flatMap(({ frames }) => frames))
  const isOver = ({ stream, isReset }: Message): boolean => isReset || client.of('resetStream', stream).length > 0
    || [...client.of('headers', stream), ...client.of('data', stream)].some(({ flags }) => (flags & endStream) !== 0)
  const endsAt = performance.now() + 5000
  while (!client.isClosed && !messages.every(isOver) && performance.now() < endsAt) await turn()
  const unheard = client.isClosed ? 0 : messages.filter((message) => !isOver(message)).length
  const ok = messages.filter(({ stream }) => client.of('headers', stream)[0]?.payload[0] === isOk)
  client.destroy()
  return { answered: new Set(ok.map(({ stream }) => stream)), unheard }
}

function faultsOf(
  messages: readonly Message[], answered: ReadonlySet<number>, streams: readonly string[],
): readonly string[] {
  const read = streams.map(readStream)
  const got = read.flatMap(({ requests }) => requests)
  const faults = read.some(({ end }) => end === 'refused') ? ['ambiguous bytes went upstream'] : []
  if (streams.some((text) => /^x-evil|^GET \/evil/mi.test(text))) faults.push('smuggled')
  for (const { target } of got) {
    if (!messages.some(({ path }) => path === target)) faults.push(`the origin got ${target}`)
  }
  for (const { stream, method, path, body } of messages) {
    const own = got.filter(({ target }) => target === path)
    if (own.length > 1 || (own.length === 0 && answered.has(stream))) faults.push(`${path} came ${own.length} times`)
    const [request] = own
    if (request === undefined) continue
    if (request.method !== method || request.body !== body) faults.push(`${path} is ${JSON.stringify(request)}`)
  }
  if (faults.length === 0) return []
  return [`${faults.join('; ')}\n${JSON.stringify(messages.map(({ fields }) => fields))}\n${JSON.stringify(streams)}`]
}

function turn(): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve) })
}
