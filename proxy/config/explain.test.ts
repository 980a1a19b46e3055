import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { explain, findIn, onlyListener } from './explain.ts'
import type { Explanation } from './explain.ts'
import { loadConfiguration } from './load.ts'
import type { Valid } from './load.ts'
import { currentRules } from './rules.ts'
import { timeoutsMap } from './timeouts-map.ts'

function loaded(text: string, env: Record<string, string> = {}): Valid {
  const result = loadConfiguration(text, {
    file: 'c.json', env, rules: currentRules(), readFile: () => { throw new Error('no files') },
  })
  if (!result.ok) throw new Error(JSON.stringify(result.faults))
  return result
}

const scenario = loaded(readFileSync(new URL('../../config/charge.json', import.meta.url), 'utf8'))

function ask(valid: Valid, method: string, path: string, listener = 'public', host = ''): Explanation {
  const { configuration, origins } = valid
  return explain(configuration, origins, { listener, method, path, host }, findIn(configuration))
}

function small(route: Record<string, unknown>, upstream: Record<string, unknown> = {}): string {
  return JSON.stringify({
    version: 1, listeners: { public: { kind: 'ingress', listen: '127.0.0.1:80' } },
    upstreams: { app: { endpoints: ['http://127.0.0.1:3000'], ...upstream } },
    routes: [{ name: 'all', listener: 'public', match: { path: '/*' }, upstream: 'app', ...route }],
  })
}

function worst(route: Record<string, unknown>, upstream: Record<string, unknown> = {}): unknown {
  const found = ask(loaded(small(route, upstream)), 'GET', '/').worstCase
  return [found?.attempts, found?.timeMs, found?.withoutCallerDeadlineMs]
}

test('the first route of the file that matches is explained', async (t) => {
  t.equal(ask(scenario, 'POST', '/charge').route, 'create-charge')
  t.equal(ask(scenario, 'GET', '/charge').route, 'everything-else')
  t.equal(ask(scenario, 'GET', '/charges/7').route, 'read-charge')
  t.equal(ask(scenario, 'GET', '/v1/x', 'provider').route, 'pay-status')
  t.equal(ask(scenario, 'POST', '/v1/refunds', 'provider').route, null)
})

test('values say what holds and where it came from', async (t) => {
  const env = { MAX: '7s' }
  const text = small({ deadline: { max: '${MAX}', default: '1s' } })
  const { values, mode, modeOrigin } = ask(loaded(text, env), 'GET', '/')
  const byName = new Map(values.map((value) => [`${value.part} ${value.name}`, value]))
  t.match(byName.get('route deadline.max'), { value: '***', origin: 'env MAX (c.json:1)' })
  t.match(byName.get('route deadline.default'), { value: '1s', origin: 'routes[0].deadline.default (c.json:1)' })
  t.match(byName.get('upstream timeouts.connect'), { value: '1s', origin: 'default' })
  t.match(byName.get('all drain.timeout'), { value: '25s', origin: 'default' })
  t.match([mode, modeOrigin], ['enforce', 'default'])
})

test('the worst case is the shortest of what bounds it', async (t) => {
  const bounded = { timeouts: { attempt: '3s' }, bulkhead: { maxConcurrent: 1, maxWait: '50ms' } }
  t.strictSame(worst({}), [1, null, null], 'nothing bounds a caller that sends no deadline')
  t.strictSame(worst({ deadline: { default: '2s', max: '10s' } }), [1, 10_000, 2000])
  t.strictSame(worst({}, bounded), [1, 4050, 4050], 'wait, connect and attempt')
  t.strictSame(worst({ timeouts: { attempt: '1s' } }, bounded), [1, 2050, 2050], 'the route before the upstream')
  t.strictSame(worst({ deadline: { default: '1s', max: '2s' } }, bounded), [1, 2000, 1000])
  t.strictSame(worst({ deadline: { default: '1s', max: '2s', mode: 'observe' } }), [1, null, null],
    'observing bounds nothing')
  t.strictSame(worst({ deadline: 'off' }, bounded), [1, 4050, 4050])
  t.strictSame(worst({ shed: 'off' }, bounded), [1, 4000, 4000])
})

test('the map of timeouts has every one of them, with its value and origin', async (t) => {
  const rows = timeoutsMap(scenario.configuration, scenario.origins, 'pay-status')
  t.strictSame(rows.map(({ name, value }) => [name, value]), [
    ['head', '10s'], ['body', '30s'], ['deadline.default', '2s'], ['deadline.max', '10s'], ['wait', '100ms'],
    ['startup', '30s'], ['connect', '1s'], ['attempt', '1s'], ['idle', '1m'], ['keep-alive upstream', '4s'],
    ['keep-alive caller', '75s'], ['drain.delay', '5s'], ['drain.timeout', '25s'],
  ])
  t.match(rows.find(({ name }) => name === 'attempt')?.origin, /^routes\[9\]\.timeouts\.attempt \(c\.json:\d+\)$/)
  t.equal(timeoutsMap(scenario.configuration, scenario.origins, null).length, 5 + 8 * 13, 'of every route')
})

test('a policy that is off is off in the map', async (t) => {
  const { configuration, origins } = loaded(small({ deadline: 'off' }))
  const rows = timeoutsMap(configuration, origins, 'all')
  t.match(rows.find(({ name }) => name === 'deadline.max'), { value: 'off', origin: 'routes[0].deadline (c.json:1)' })
  t.match(rows.find(({ name }) => name === 'attempt'), { value: 'off', origin: 'default' })
})

test('the only ingress is meant where no listener is named', async (t) => {
  t.equal(onlyListener(scenario.configuration), 'public')
  t.equal(onlyListener(loaded(small({})).configuration), 'public')
})
