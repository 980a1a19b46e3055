import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { explain, findIn, onlyListener } from './explain.ts'
import type { Explanation } from './explain.ts'
import { loadConfiguration } from './load.ts'
import type { Valid } from './load.ts'
import { currentPolicies, currentRules } from './rules.ts'
import { parseQuantity } from './quantity.ts'
import { fixedTimeouts, timeoutsMap } from './timeouts-map.ts'
import { defaultQueueBounds } from '../algorithms/accepted-wait.ts'
import { maxUnreadMs } from '../edge/stall-watch.ts'
import { defaultHandshakeMs, defaultIdleMs } from '../edge/upgrade.ts'
import { defaultStreamIdleMs } from '../upstream/http1-upstream.ts'

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

test('every policy is told in travel order, with the word that decides it', async (t) => {
  const policies = (route: object, upstream: object = {}): Record<string, string> =>
    Object.fromEntries(ask(loaded(small({ ...route }, { ...upstream })), 'GET', '/').policies
      .map(({ name, state, origin }) => [name, `${state}: ${origin}`]))
  const plain = policies({})
  t.strictSame(Object.keys(plain), currentPolicies().map(({ name }) => name))
  t.match(plain, {
    drain: 'on: default', inherit: 'off: no listener is egress', deadline: 'on: default', shed: 'on: default',
    retry: 'off: default', breaker: 'on: default', claim: 'off: default',
  })
  const route = 'routes[0]'
  t.match(policies({ retry: { maxAttempts: 2 }, shed: 'off', breaker: { mode: 'observe' }, idempotency: {} }), {
    retry: `on: ${route}.retry (c.json:1)`, shed: `off: ${route}.shed (c.json:1)`, permit: `off: ${route}.shed`,
    breaker: `observe: ${route}.breaker (c.json:1)`, record: `on: ${route}.idempotency (c.json:1)`,
  })
  t.match(policies({ mode: 'observe' }, { breaker: 'off', throttle: {} }), {
    breaker: 'off: upstreams.app.breaker (c.json:1)', throttle: 'observe: upstreams.app.throttle (c.json:1)',
    deadline: 'observe: default',
  })
})

test('what is on without a number is told, and what holds where nothing is written', async (t) => {
  const { values } = ask(loaded(small({ idempotency: {} })), 'GET', '/')
  const told = Object.fromEntries(values.map(({ part, name, value }) => [`${part} ${name}`, value]))
  t.match(told, {
    'route inherit': 'on', 'route deadline.default': 'none', 'route priority': 'default',
    'upstream host': 'the one the caller asked for', 'upstream timeouts.attempt': 'the deadline only',
    'upstream breaker.probes': '1 in the classic form, else 3', 'all stores.idempotency.type': 'lmdb',
  })
  t.notOk('route breaker.probes' in told, 'what a route leaves open is its upstream\'s to say')
  const written = ask(loaded(small({ breaker: { probes: 2 } }, { breaker: { failures: 5 } })), 'GET', '/').values
  const breakers = written.filter(({ name }) => name.startsWith('breaker'))
  t.match(breakers.map(({ part, name, value }) => [part, name, value]), [
    ['route', 'breaker.probes', '2'], ['upstream', 'breaker.failures', '5'],
  ])
})

test('the worst case is the shortest of what bounds it', async (t) => {
  const bounded = { timeouts: { attempt: '3s' }, bulkhead: { maxConcurrent: 1, maxWait: '50ms' } }
  t.strictSame(worst({}), [1, null, null], 'nothing bounds a caller that sends no deadline')
  t.strictSame(worst({ deadline: { default: '2s', max: '10s' } }), [1, 10_000, 2000])
  t.strictSame(worst({}, bounded), [1, 4500, 4500], 'the longest wait that is learned, connect and attempt')
  t.strictSame(worst({}, { ...bounded, limit: 'off' }), [1, 4050, 4050], 'the wait of the bulkhead')
  t.strictSame(worst({ priority: 'bypass' }, bounded), [1, 4000, 4000], 'probes wait for nothing')
  t.strictSame(worst({ timeouts: { attempt: '1s' } }, bounded), [1, 2500, 2500], 'the route before the upstream')
  t.strictSame(worst({ deadline: { default: '1s', max: '2s' } }, bounded), [1, 2000, 1000])
  t.strictSame(worst({ deadline: { default: '1s', max: '2s', mode: 'observe' } }), [1, null, null],
    'observing bounds nothing')
  t.strictSame(worst({ deadline: 'off' }, bounded), [1, 4500, 4500])
  t.strictSame(worst({ shed: 'off' }, bounded), [1, 4000, 4000])
})

const everywhere = [
  'head', 'body', 'unread', 'tunnel handshake', 'tunnel idle', 'keep-alive caller', 'connection age', 'drain.delay',
  'drain.timeout',
]

test('the map of timeouts has every one of them, with its value and origin', async (t) => {
  const rows = timeoutsMap(scenario.configuration, scenario.origins, 'pay-status')
  t.strictSame(rows.filter(({ route }) => route === null).map(({ name }) => name), everywhere)
  t.strictSame(rows.filter(({ route }) => route !== null).map(({ name, value }) => [name, value]), [
    ['deadline.default', '2s'], ['deadline.max', '10s'], ['wait', '100ms'], ['wait, learned', '20ms to 500ms'],
    ['startup', '30s'], ['connect', '1s'], ['attempt', '1s'], ['hedge', 'p95'], ['retry', '1s'], ['idle', '1m'],
    ['idle, streams', '5m'], ['health', '1s'], ['keep-alive upstream', '4s'],
  ])
  t.match(rows.find(({ name }) => name === 'attempt')?.origin, /^routes\[9\]\.timeouts\.attempt \(c\.json:\d+\)$/)
  const all = timeoutsMap(scenario.configuration, scenario.origins, null)
  t.strictSame(new Set(all.map(({ route }) => route)), new Set([null, ...scenario.configuration.routes
    .map(({ name }) => name)]), 'of every route')
})

test('what nobody writes is told as the code has it', async (t) => {
  const told = Object.values(fixedTimeouts).map((value) => parseQuantity('duration', value))
  t.strictSame(told, [defaultStreamIdleMs, maxUnreadMs, defaultHandshakeMs, defaultIdleMs])
  const { minMs, maxMs } = defaultQueueBounds
  const { configuration, origins } = loaded(small({}))
  const wait = timeoutsMap(configuration, origins, 'all').find(({ name }) => name === 'wait, learned')
  t.match(wait, { value: `${minMs}ms to ${maxMs}ms`, origin: 'learned' })
  const none = loaded(small({ idempotency: {} }, { limit: 'off', timeouts: { idle: '7s' } }))
  const rows = timeoutsMap(none.configuration, none.origins, 'all')
  t.match(rows.find(({ name }) => name === 'wait, learned'), { value: 'off', origin: /^upstreams\.app\.limit/ })
  t.match(rows.find(({ name }) => name === 'idempotency.wait'), { value: '5s', origin: 'default' })
  t.match(rows.find(({ name }) => name === 'idle'), { value: '7s' })
})

test('a policy that is off is off in the map', async (t) => {
  const { configuration, origins } = loaded(small({ deadline: 'off' }))
  const rows = timeoutsMap(configuration, origins, 'all')
  t.match(rows.find(({ name }) => name === 'deadline.max'), { value: 'off', origin: 'routes[0].deadline (c.json:1)' })
  t.match(rows.find(({ name }) => name === 'attempt'), { value: 'the deadline only', origin: 'default' })
})

test('the only ingress is meant where no listener is named', async (t) => {
  t.equal(onlyListener(scenario.configuration), 'public')
  t.equal(onlyListener(loaded(small({})).configuration), 'public')
})
