// Summing up a course of memory, and the slow reader that goes with it.
import type { AddressInfo } from 'node:net'
import { test } from 'tap'
import { courseOf, memoryDuring } from './memory-samples.ts'
import { readSlowly } from './slow-reader.ts'
import { createStreamOrigin } from './stream-origin.ts'

test('the plateau is the median of the second half, the maximum is of all', async (t) => {
  const samples = [10, 99, 20, 31, 30, 32].map((rssBytes, index) => ({ atSeconds: index, rssBytes, anonymousBytes: 1 }))
  const { firstRssBytes, maxRssBytes, plateauRssBytes } = courseOf(samples)
  t.same([firstRssBytes, maxRssBytes, plateauRssBytes], [10, 99, 31])
  t.throws(() => courseOf([]), /gone before the first sample/)
})

test('a slow reader takes what its pace allows, and the origin is held back', async (t) => {
  const server = createStreamOrigin(1024 ** 3)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as AddressInfo
  const bytesPerSecond = 1_000_000
  let result = { readBytes: 0, wasCut: true }
  const course = await memoryDuring(process.pid, async () => {
    result = await readSlowly({ port, bytesPerSecond, seconds: 0.6 })
  })
  t.notOk(result.wasCut)
  t.ok(result.readBytes > 100_000 && result.readBytes <= 700_000, `${result.readBytes} bytes`)
  t.ok(course.samples.length >= 2)
})

test('a reader whose answer ends too early says so', async (t) => {
  const server = createStreamOrigin(10)
  server.on('connection', (socket) => setTimeout(() => socket.destroy(), 100))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as AddressInfo
  t.equal((await readSlowly({ port, bytesPerSecond: 1000, seconds: 20 })).wasCut, true)
})
