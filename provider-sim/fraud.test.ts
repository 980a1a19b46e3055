// The fraud service: one customer, one score.

import { test } from 'tap'
import { judge } from './fraud.ts'
import { call, start } from './test-bench.ts'

test('a customer has one score, however and whenever it is asked for', async (t) => {
  const [first, second] = [await start(t, { seed: 1 }), await start(t, { seed: 2, ledgerPath: `${t.testdirName}-2/l` })]
  const asked = await call('POST', `${first.fraud.url}/v1/score`, { customer: 'cus_é 1', amount: 5 })
  t.equal(asked.status, 200)
  t.match(asked.body, { score: Number, decision: 'allow' })
  const path = `/v1/score/${encodeURIComponent('cus_é 1')}`
  t.same((await call('GET', `${first.fraud.url}${path}`)).body, asked.body)
  t.same((await call('GET', `${second.fraud.url}${path}`)).body, asked.body)
})

test('named fraudsters are denied, everyone else is allowed', async (t) => {
  for (let i = 0; i < 1_000; i++) {
    const { score, decision } = judge(`cus_${i}`)
    if (decision !== 'allow' || !(score >= 0 && score < 0.8)) t.fail(`cus_${i}: ${score} ${decision}`)
    const fraudster = judge(`cus_fraud_${i}`)
    if (fraudster.decision !== 'deny' || !(fraudster.score >= 0.8 && fraudster.score <= 1)) t.fail(`cus_fraud_${i}`)
  }
  const scores = new Set(Array.from({ length: 1_000 }, (_, i) => judge(`cus_${i}`).score))
  t.ok(scores.size > 900, 'scores differ')
})

test('wrong questions are refused', async (t) => {
  const { fraud } = await start(t)
  t.equal((await call('POST', `${fraud.url}/v1/score`, { customer: 'c' })).status, 400)
  t.equal((await call('POST', `${fraud.url}/v1/score`, 'nonsense')).status, 400)
  t.equal((await call('GET', `${fraud.url}/v1/score/`)).status, 404)
  t.equal((await call('GET', `${fraud.url}/v1/score/%ff`)).status, 404)
  t.equal((await call('GET', `${fraud.url}/health`)).status, 200)
})
