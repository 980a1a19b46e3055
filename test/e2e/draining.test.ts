// How a process leaves: it says so, serves on for a while, refuses, finishes what it has, and is gone.

import { test } from 'tap'
import { ask, codeOf, eventually } from '../support/asking.ts'
import { drainOf, isLeaving, slowOrigin, slowRequest, untilRefusing, withEgress } from '../support/leaving.ts'
import { RawClient } from '../support/raw-client.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { inFrontOf, startSeawall } from '../support/seawall.ts'

test('a request in flight is finished, new ones are served for the delay, then refused', async (t) => {
  const origin = await slowOrigin(t)
  const seawall = await startSeawall(t, inFrontOf(origin.url, drainOf('1s')))
  const slow = await slowRequest(seawall, origin)
  const kept = new RawClient(seawall.ports['public'] as number)
  t.notMatch(await kept.write('GET /1 HTTP/1.1\r\nhost: a\r\n\r\n').answer(), /connection: close/i)
  seawall.child.kill('SIGTERM')
  await eventually('it says that it is leaving', () => isLeaving(seawall))
  t.equal((await ask(seawall.ports['admin'] as number, '/livez')).status, 200, 'it is alive all the while')

  kept.received = ''
  t.match(await kept.write('GET /2 HTTP/1.1\r\nhost: a\r\n\r\n').closed(),
    /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*connection: close\r\n/i, 'served, and told to go elsewhere')
  kept.destroy()

  const refused = await untilRefusing(seawall)
  t.equal(codeOf(refused), 'drain.closing')
  t.ok(Number(refused.headers['retry-after']) >= 1)
  t.match(refused.headers['proxy-status'], /details="drain\.closing"/)
  t.equal(seawall.child.exitCode, null, 'it waits for the slow one')
  origin.release()
  t.match(await slow.answer(), /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/)
  slow.destroy()
  t.strictSame(await seawall.finished, { code: 0, signal: null })
})

test('asked twice it ends at once, and says by its exit code that something was cut', async (t) => {
  const origin = await slowOrigin(t)
  const seawall = await startSeawall(t, inFrontOf(origin.url, drainOf('10s')))
  const slow = await slowRequest(seawall, origin)
  seawall.child.kill('SIGTERM')
  await eventually('it says that it is leaving', () => isLeaving(seawall))
  const askedAt = performance.now()
  const { code } = await seawall.stop('SIGTERM')
  t.equal(code, 1)
  t.ok(performance.now() - askedAt < 1_500, `${Math.round(performance.now() - askedAt)} ms`)
  t.notMatch(await slow.closed(), /200 OK/, 'the cut one was not told that it went well')
})

test('asked twice with nothing to cut it ends well', async (t) => {
  const origin = await slowOrigin(t)
  const seawall = await startSeawall(t, inFrontOf(origin.url, drainOf('10s')))
  seawall.child.kill('SIGINT')
  await eventually('it says that it is leaving', () => isLeaving(seawall))
  t.equal((await seawall.stop('SIGINT')).code, 0)
})

test('what is still there when the time is over is cut', async (t) => {
  const origin = await slowOrigin(t)
  const seawall = await startSeawall(t, inFrontOf(origin.url, drainOf('0s', '600ms')))
  const slow = await slowRequest(seawall, origin)
  const askedAt = performance.now()
  const { code } = await seawall.stop()
  const tookMs = performance.now() - askedAt
  t.equal(code, 1)
  t.ok(tookMs >= 500 && tookMs < 2_500, `${Math.round(tookMs)} ms`)
  t.match(seawall.stderr, /"cut":1/)
  const durationMs = Number(/"durationMs":([\d.]+),"cut"/.exec(seawall.stderr)?.[1])
  t.ok(durationMs < 600, `cut after ${durationMs} ms: closing has to fit in as well`)
  await slow.closed()
})

test('idle connections of callers do not hold it up', async (t) => {
  const origin = await slowOrigin(t)
  const seawall = await startSeawall(t, inFrontOf(origin.url, drainOf('0s')))
  const idle = Array.from({ length: 20 }, () => new RawClient(seawall.ports['public'] as number))
  // Half of them have been used, half never said a word.
  await Promise.all(idle.slice(10).map((client) => client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n').answer()))
  const askedAt = performance.now()
  t.equal((await seawall.stop()).code, 0)
  t.ok(performance.now() - askedAt < 2_000, `${Math.round(performance.now() - askedAt)} ms`)
  await Promise.all(idle.map((client) => client.closed()))
  t.ok(idle.every(({ end }) => end === 'fin'), 'closed, not reset')
})

test('a request that comes on an idle connection while it lingers gets an answer, not a reset', async (t) => {
  const origin = await slowOrigin(t)
  const seawall = await startSeawall(t, inFrontOf(origin.url, drainOf('0s')))
  const kept = new RawClient(seawall.ports['public'] as number)
  await kept.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n').answer()
  const slow = await slowRequest(seawall, origin)
  seawall.child.kill('SIGTERM')
  await untilRefusing(seawall)
  origin.release()
  await slow.answer()
  kept.received = ''
  t.match(await kept.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n').closed(), /^HTTP\/1\.1 503 [^]*"drain\.closing"/)
  t.equal((await seawall.finished).code, 0)
})

test('POST /admin/drain is as good as a signal', async (t) => {
  const origin = await slowOrigin(t)
  const seawall = await startSeawall(t, inFrontOf(origin.url, drainOf('0s')))
  const slow = await slowRequest(seawall, origin)
  const first = await ask(seawall.ports['admin'] as number, '/admin/drain', { method: 'POST' })
  t.equal(first.status, 202)
  t.ok(await isLeaving(seawall))
  const second = await ask(seawall.ports['admin'] as number, '/admin/drain', { method: 'POST' })
  t.equal(second.status, 202, 'once is enough')
  t.equal(codeOf(await untilRefusing(seawall)), 'drain.closing')
  const { drain } = JSON.parse((await ask(seawall.ports['admin'] as number, '/admin/status')).body) as {
    drain: { phase: string }
  }
  t.equal(drain.phase, 'refusing')
  origin.release()
  t.match(await slow.answer(), /200 OK/)
  t.equal((await seawall.finished).code, 0)
})

test('the way out stays open for the service that finishes its work', async (t) => {
  const origin = await slowOrigin(t)
  const provider = await rawOrigin(t, () => 'HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n')
  const seawall = await startSeawall(t, withEgress(origin.url, provider.url))
  const slow = await slowRequest(seawall, origin)
  seawall.child.kill('SIGTERM')
  await untilRefusing(seawall)
  const paid = new RawClient(seawall.ports['provider'] as number)
  const answer = await paid.write('POST /pay HTTP/1.1\r\nhost: p\r\ncontent-length: 0\r\n\r\n').answer()
  t.match(answer, /^HTTP\/1\.1 201 /)
  t.notMatch(answer, /connection: close/i, 'and is not told to go elsewhere')
  t.equal((await ask(seawall.ports['provider'] as number, '/again')).status, 201, 'on a new connection too')
  origin.release()
  t.match(await slow.answer(), /200 OK/)
  t.equal((await seawall.finished).code, 0)
  paid.destroy()
})
