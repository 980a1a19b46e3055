// One caller that draws a hundred thousand keys: its quota holds, the memory of the proxy does not grow with them, and
// its neighbour is served as ever. `KEYS` says how many, where there is no time for all.

import { Agent, request } from 'node:http'
import { test } from 'tap'
import { chargingService } from '../support/charging-service.ts'
import { keyedBefore } from '../support/keyed-service.ts'
import { residentMiB } from '../support/resident.ts'
import { startSeawall } from '../support/seawall.ts'

const keys = Number(process.env['KEYS'] ?? 100_000)
const quota = 1_000
const together = 32

test('case 48: a hundred thousand keys of one scope are refused beyond its quota, at flat memory',
  { timeout: 600_000 }, async (t) => {
    const service = await chargingService(t)
    const seawall = await startSeawall(t, keyedBefore(service, './records', {
      idempotency: { scope: 'header:x-tenant', quota: { keys: quota } }, top: { accessLog: 'off' },
    }))
    const agent = new Agent({ keepAlive: true, maxSockets: together })
    t.teardown(() => { agent.destroy() })
    const charge = (tenant: string, key: string): Promise<number> => new Promise((resolve, reject) => {
      const sent = request({
        host: '127.0.0.1', port: seawall.ports['public'], path: '/charge', method: 'POST', agent,
        headers: { 'idempotency-key': key, 'x-tenant': tenant, 'content-type': 'application/json' },
      }, (answer) => {
        answer.resume()
        answer.on('end', () => { resolve(answer.statusCode ?? 0) })
      })
      sent.on('error', reject)
      sent.end('{"amount":1}')
    })
    const told = new Map<number, number>()
    const neighbours: number[] = []
    const flood = async (from: number, to: number): Promise<void> => {
      let next = from
      await Promise.all(Array.from({ length: together }, async () => {
        while (next < to) {
          const i = next++
          const status = await charge('flooder', `key-${i}`)
          told.set(status, (told.get(status) ?? 0) + 1)
          if (i % 1_000 === 0) neighbours.push(await charge('neighbour', `key-${i}`))
        }
      }))
    }
    // The first tenth fills what is filled once: the quota, code that is compiled, the heap's own room.
    await flood(0, keys / 10)
    const beforeMiB = residentMiB(seawall)
    await flood(keys / 10, keys)
    const grewMiB = residentMiB(seawall) - beforeMiB
    t.comment(`grew by ${grewMiB.toFixed(1)} MiB from ${beforeMiB.toFixed(1)}`)
    t.strictSame(Object.fromEntries(told), { 201: quota, 429: keys - quota })
    t.ok(neighbours.every((status) => status === 201), 'its neighbour is served')
    t.equal(neighbours.length, Math.ceil(keys / 1_000))
    t.equal(service.ledger.length, quota + neighbours.length)
    t.ok(grewMiB < 40, `${grewMiB.toFixed(1)} MiB`)
  })
