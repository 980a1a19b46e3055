// Rows X16 and X17: what a caller can do with keys of its own choosing, and whose answers it gets: as many keys as it
// was given, its own, and nobody else's.

import { test } from 'tap'
import type { Test } from 'tap'
import { ask, codeOf } from '../support/asking.ts'
import { RawClient } from '../support/raw-client.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import type { RawOrigin } from '../support/raw-origin.ts'
import { residentMiB } from '../support/resident.ts'
import { inFrontOf, startSeawall } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'

const quota = 400
const maxKeys = 1_000

/** Keys of two merchants in the memory of a real process; the origin says in its answer whom it served. */
async function keyed(t: Test): Promise<{ origin: RawOrigin; seawall: SeawallProcess; port: number }> {
  const origin = await rawOrigin(t, ({ text }, count) => {
    const body = `${/x-merchant: (\S+)/i.exec(text)?.[1]} ${count}`
    return `HTTP/1.1 201 Created\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  })
  const seawall = await startSeawall(t, inFrontOf(origin.url, {
    route: { idempotency: { scope: 'header:x-merchant', required: true, quota: { keys: quota } } },
    upstream: { limit: 'off', breaker: 'off' },
    top: { stores: { idempotency: { type: 'memory', maxKeys, timeout: '5s' } }, accessLog: 'off' },
  }))
  return { origin, seawall, port: seawall.ports['public'] as number }
}

function post(merchant: string, key: string, ...fields: string[]): string {
  return ['POST /charge HTTP/1.1', 'Host: a', `X-Merchant: ${merchant}`, `Idempotency-Key: ${key}`, ...fields,
    'Content-Length: 2', '', '{}'].join('\r\n')
}

/** As many new keys of a merchant, pipelined; how many were answered with which status. */
async function flood(port: number, merchant: string, from: number, to: number): Promise<Record<string, number>> {
  const statuses: Record<string, number> = {}
  for (let at = from; at < to; at += 100) {
    const client = new RawClient(port)
    const requests = Array.from({ length: Math.min(100, to - at) }, (_, i) => post(merchant, `key-${at + i}`,
      ...i === Math.min(100, to - at) - 1 ? ['Connection: close'] : []))
    const received = await client.write(requests.join('')).closed(30_000)
    client.destroy()
    for (const [, status = ''] of received.matchAll(/HTTP\/1\.1 (\d{3}) /g)) {
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }
  return statuses
}

function charge(port: number, merchant: string, key: string, authorization = ''): ReturnType<typeof ask> {
  return ask(port, '/charge', {
    method: 'POST', body: '{}',
    headers: { 'x-merchant': merchant, 'idempotency-key': key, ...authorization === '' ? {} : { authorization } },
  })
}

test('X16 a flood of keys ends at the quota of its scope, and costs no other scope anything', {
  timeout: 90_000,
}, async (t) => {
  const { origin, seawall, port } = await keyed(t)
  t.strictSame(await flood(port, 'greedy', 0, 1_000), { 201: quota, 429: 600 })
  t.equal(origin.received.length, quota, 'what is over the quota reaches nobody')
  const before = residentMiB(seawall)
  t.strictSame(await flood(port, 'greedy', 1_000, 12_000), { 429: 11_000 })
  const grown = residentMiB(seawall) - before
  t.ok(grown < 48, `11,000 refused keys later: ${grown.toFixed(0)} MiB more`)
  t.equal((await charge(port, 'modest', 'key-0')).status, 201, 'another scope has its own')
  const refused = await charge(port, 'greedy', 'one-more')
  t.equal(codeOf(refused), 'idempotency.quota')
  t.equal(refused.headers['idempotency-status'], 'not-processed')
  t.equal((await charge(port, 'greedy', 'key-0')).headers['idempotency-replayed'], 'true', 'what was kept is kept')
})

test('X16 a full store takes no new key and forgets none', async (t) => {
  const { origin, port } = await keyed(t)
  const statuses = await Promise.all(['a', 'b', 'c'].map((merchant) => flood(port, merchant, 0, quota)))
  const sum = (status: string): number => statuses.reduce((total, one) => total + (one[status] ?? 0), 0)
  t.equal(sum('201'), maxKeys)
  t.equal(sum('503'), 3 * quota - maxKeys)
  t.equal(origin.received.length, maxKeys)
  t.equal(codeOf(await charge(port, 'd', 'new')), 'idempotency.store-full')
  t.equal((await charge(port, 'a', 'key-0')).headers['idempotency-replayed'], 'true')
  t.equal(origin.received.length, maxKeys, 'nothing of all that was sent')
})

test('X16 what is no key is refused, and nothing is sent', async (t) => {
  const { origin, port } = await keyed(t)
  for (const key of ['', 'a b', 'a,b', 'k'.repeat(256), 'k\x80', '"open', 'a\0b', 'a\rb']) {
    const client = new RawClient(port)
    const received = await client.write(post('a', key, 'Connection: close')).closed()
    client.destroy()
    t.match(received, /^HTTP\/1\.1 400 [^]*"code":"(?:idempotency\.key-|request\.malformed)/, JSON.stringify(key))
  }
  t.strictSame(origin.received, [])
})

test('X17 one key of two callers is two keys, and no answer reaches the other', async (t) => {
  const { origin, port } = await keyed(t)
  for (const merchant of ['one', 'two']) {
    for (let i = 0; i < 2; i++) t.match((await charge(port, merchant, 'shared')).body, new RegExp(`^${merchant} `))
  }
  t.equal(origin.received.length, 2)
  t.equal((await charge(port, 'three', 'k', 'Bearer mine')).status, 201)
  const other = await charge(port, 'three', 'k', 'Bearer stolen')
  t.equal(other.status, 409)
  t.notMatch(other.body, /three/, 'within one scope another credential learns nothing')
  t.equal((await ask(port, '/other', {
    method: 'POST', body: '{}', headers: { 'x-merchant': 'one', 'idempotency-key': 'shared' },
  })).status, 422, 'nor is the answer of one target that of another')
  t.equal(origin.received.length, 3)
})
