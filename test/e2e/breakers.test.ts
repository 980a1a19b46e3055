// Breakers held by hand, over the real admin listener of a real process.

import { request } from 'node:http'
import { test } from 'tap'
import { eventually } from '../support/asking.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { inFrontOf, startSeawall } from '../support/seawall.ts'

interface Status { readonly upstreams: { name: string }[]; readonly routes: { name: string }[] }
interface Answer { readonly status: number; readonly json: Readonly<Record<string, unknown>> }

function post(port: number, path: string, body: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const sent = request({ host: '127.0.0.1', port, path, method: 'POST', agent: false, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
      answer.on('end', () => { resolve({ status: answer.statusCode ?? 0, json: JSON.parse(text) as Answer['json'] }) })
    })
    sent.on('error', reject)
    sent.end(JSON.stringify(body))
  })
}

function get(port: number, path = '/'): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, agent: false }, (answer) => {
      answer.resume().on('end', () => { resolve(answer.statusCode ?? 0) })
    }).on('error', reject).end()
  })
}

test('a breaker is held open and given back by hand, and names that do not exist are told', async (t) => {
  const origin = await rawOrigin(t, () => 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  const [open, admin] = [seawall.ports['public'] as number, seawall.ports['admin'] as number]
  t.equal(await get(open), 200)
  const status = await new Promise<Status>((resolve, reject) => {
    request({ host: '127.0.0.1', port: admin, path: '/admin/status', agent: false }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
      answer.on('end', () => { resolve(JSON.parse(text) as Status) })
    }).on('error', reject).end()
  })
  const [upstream, route] = [status.upstreams[0]?.name ?? '', status.routes[0]?.name ?? '']
  t.match(status.routes[0], { parts: { breaker: { state: 'closed', reason: 'start' } } })
  const held = await post(admin, `/admin/breakers/${upstream}/${route}`, { state: 'open', for: '1h' })
  t.strictSame(held, { status: 200, json: { upstream, route, state: 'open', for_ms: 3_600_000 } })
  t.equal(await get(open), 503)
  t.equal((await post(admin, `/admin/breakers/${upstream}/${route}`, { state: 'auto' })).status, 200)
  await eventually('it is probed and closed again', async () => await get(open) === 200)
  t.equal((await post(admin, `/admin/breakers/${upstream}`, { state: 'open', for: '200ms' })).status, 200)
  t.equal(await get(open), 503)
  await eventually('the hold ends by itself', async () => await get(open) === 200)
  t.equal((await post(admin, `/admin/breakers/${upstream}`, { state: 'closed' })).status, 200)
  const unknown = await post(admin, '/admin/breakers/nobody', { state: 'open' })
  t.match(unknown, { status: 404, json: { code: 'admin.not-found', detail: new RegExp(`there are: ${upstream}`) } })
  const noRoute = await post(admin, `/admin/breakers/${upstream}/nowhere`, { state: 'open' })
  t.match(noRoute, { status: 404, json: { detail: new RegExp(route) } })
  for (const body of [{ state: 'ajar' }, {}, { state: 'open', for: '25h' }, { state: 'open', more: 1 }]) {
    t.equal((await post(admin, `/admin/breakers/${upstream}`, body)).status, 400, JSON.stringify(body))
  }
})
