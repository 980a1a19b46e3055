// Callers that take their time hold no permit that others need, and are told of a refusal even while they still send.

import { test } from 'tap'
import type { Test } from 'tap'
import { ask, eventually } from '../support/asking.ts'
import { RawClient } from '../support/raw-client.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { inFrontOf, startSeawall } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'

const eight = { limit: { initial: 8, min: 8, max: 8 } }
const big = 'x'.repeat(8 * 2 ** 20)
const bigAnswer = `HTTP/1.1 200 OK\r\ncontent-length: ${big.length}\r\n\r\n${big}`
const small = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

interface Admission { readonly inFlight: number; readonly streams: number; readonly queuedDefault: number }

async function admissionOf(seawall: SeawallProcess): Promise<Admission> {
  const { body } = await ask(seawall.ports['admin'] as number, '/admin/status')
  return (JSON.parse(body) as { upstreams: { parts: { admission: Admission } }[] }).upstreams[0]?.parts
    .admission as Admission
}

async function started(t: Test, upstream: object): Promise<{ port: number; seawall: SeawallProcess }> {
  const origin = await rawOrigin(t, ({ text }) => text.startsWith('GET /big') ? bigAnswer
    : text.startsWith('GET /hang') ? undefined : small)
  const seawall = await startSeawall(t, inFrontOf(origin.url, { upstream }))
  return { port: seawall.ports['public'] as number, seawall }
}

/** Twenty in a row, each let in at once or after the moment in which a slow caller is found out. */
async function askTwenty(port: number): Promise<number[]> {
  const statuses: number[] = []
  for (let i = 0; i < 20; i++) statuses.push((await ask(port, '/small')).status)
  return statuses
}

test('S27: eight readers that do not read do not stop a limit of eight', async (t) => {
  const { port, seawall } = await started(t, eight)
  const readers = Array.from({ length: 8 }, () => new RawClient(port))
  for (const reader of readers) {
    reader.socket.pause()
    reader.write('GET /big HTTP/1.1\r\nhost: a\r\n\r\n')
  }
  await eventually('all eight are in flight', async () => (await admissionOf(seawall)).inFlight === 8)
  await eventually('the next one gets through', async () => (await ask(port, '/small')).status === 200)
  t.strictSame([...new Set(await askTwenty(port))], [200])
  const { inFlight, streams } = await admissionOf(seawall)
  t.ok(streams >= 1 && streams + inFlight === 8, `${streams} of them have given their permits back`)
  for (const reader of readers) reader.socket.resume()
  await Promise.all(readers.map((reader) => reader.until((text) => text.length > big.length)))
  await eventually('and nothing is left of them', async () => {
    const { inFlight, streams } = await admissionOf(seawall)
    return inFlight === 0 && streams === 0
  })
  for (const reader of readers) reader.destroy()
})

test('S28: uploads that come drop by drop do not stop a limit of eight, and are served in the end', async (t) => {
  const { port, seawall } = await started(t, eight)
  const writers = Array.from({ length: 40 }, () => new RawClient(port))
  for (const writer of writers) {
    writer.write('POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345')
    await eventually('there is room for the next one', async () => {
      const { inFlight, queuedDefault } = await admissionOf(seawall)
      return inFlight < 8 || (queuedDefault === 0 && (await ask(port, '/small')).status === 200)
    })
  }
  // A slow caller is found out after 100 ms: who comes in that moment may be refused. Without that nobody gets through.
  const through = (await askTwenty(port)).filter((status) => status === 200).length
  t.ok(through >= 14, `${through} of 20`)
  for (const writer of writers) writer.write('67890')
  const answers = await Promise.all(writers.map((writer) => writer.answer()))
  const served = answers.filter((text) => text.startsWith('HTTP/1.1 200')).length
  t.ok(served >= 28, `${served} of 40, eight at a time`)
  await eventually('and nothing is left of them', async () => {
    const { inFlight, streams } = await admissionOf(seawall)
    return inFlight === 0 && streams === 0
  })
  for (const writer of writers) writer.destroy()
})

test('S29: a caller that is refused while it uploads a megabyte gets its answer', async (t) => {
  const { port, seawall } = await started(t, { limit: { initial: 1, min: 1, max: 1 }, breaker: 'off' })
  const holder = new RawClient(port)
  holder.write('GET /hang HTTP/1.1\r\nhost: a\r\n\r\n')
  await eventually('the one permit is taken', async () => (await admissionOf(seawall)).inFlight === 1)
  const body = Buffer.alloc(2 ** 20)
  const writers = Array.from({ length: 100 }, () => new RawClient(port))
  for (const writer of writers) {
    writer.write('POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 1048576\r\n\r\n').write(body)
  }
  const answers = await Promise.all(writers.map((writer) => writer.until((text) => text.includes('"code"'))))
  t.equal(answers.filter((text) => /^HTTP\/1\.1 503 .*shed\./s.test(text)).length, 100)
  for (const writer of [...writers, holder]) writer.destroy()
})
