// An endpoint does what its plan says, when it says so, and writes down what it saw.
import { get } from 'node:http'
import { test } from 'tap'
import { freePort } from '../processes.ts'
import { Endpoint } from './endpoint.ts'
import type { Behaviour, EndpointPlan } from './endpoint-plan.ts'

function planOf(begins: Partial<Behaviour>, changes: EndpointPlan['changes'] = []): EndpointPlan {
  return { seed: 1, spread: 'constant', begins: { meanMs: 1, ...begins }, changes }
}

async function startedWith(plan: EndpointPlan): Promise<{ endpoint: Endpoint, ask: () => Promise<number> }> {
  const port = await freePort()
  const endpoint = new Endpoint(plan)
  endpoint.listen(port)
  endpoint.start()
  const ask = (): Promise<number> => new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', agent: false }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0))
    }).on('error', reject)
  })
  return { endpoint, ask }
}

test('errors come by lot, with their status, and stand in the book', async (t) => {
  const { endpoint, ask } = await startedWith(planOf({ errorShare: 0.5, status: 500 }))
  t.teardown(() => endpoint.close())
  const statuses: number[] = []
  for (let i = 0; i < 40; i++) statuses.push(await ask())
  const { seen } = endpoint.figures()
  t.strictSame(seen.map(([, , status]) => status), statuses)
  const errors = statuses.filter((status) => status === 500).length
  t.ok(errors > 8 && errors < 32, `${errors} of 40`)
  t.ok(seen.every(([arrivedAtMs, endedAtMs]) => endedAtMs >= arrivedAtMs))
})

test('a change comes at its time, and a new start begins the book anew', async (t) => {
  const { endpoint, ask } = await startedWith(planOf({}, [{ atMs: 0, errorShare: 1, status: 503 }]))
  t.teardown(() => endpoint.close())
  await new Promise((resolve) => setTimeout(resolve, 5))
  t.equal(await ask(), 503)
  t.equal(endpoint.figures().seen.length, 1)
  endpoint.start()
  t.equal(endpoint.figures().seen.length, 0)
})
