import { test } from 'tap'
import { loadConfiguration } from './load.ts'
import type { Loaded } from './load.ts'
import { currentRules } from './rules.ts'

function load(upstream: object): Loaded {
  const text = JSON.stringify({
    version: 1, listeners: { public: { kind: 'ingress', listen: '127.0.0.1:8080' } }, upstreams: { app: upstream },
    routes: [{ name: 'all', listener: 'public', match: { path: '/*' }, upstream: 'app' }],
  })
  return loadConfiguration(text, {
    file: 'seawall.json', env: {}, rules: currentRules(), readFile: () => { throw new Error('no such file') },
  })
}

test('an endpoint is an address, alone or with tier and weight', async (t) => {
  const loaded = load({ endpoints: ['http://a:1', { url: 'http://b:2', tier: 1 }, { url: 'http://c:3', weight: 0.5 }] })
  t.match(loaded, { ok: true, configuration: { upstreams: [{
    endpoints: ['http://a:1', 'http://b:2', 'http://c:3'],
    endpointOptions: [{ tier: 0, weight: 1 }, { tier: 1, weight: 1 }, { tier: 0, weight: 0.5 }],
  }] } })
  t.equal(loaded.ok && load({ endpoints: ['http://a:1'] }).ok, true)
})

test('what an endpoint cannot have is told at its place', async (t) => {
  for (const [endpoint, path] of [
    [{ url: 'a:1' }, 'upstreams.app.endpoints[0].url'], [{ url: 'http://a', tier: -1 }, 'endpoints[0].tier'],
    [{ url: 'http://a', weight: 'much' }, 'endpoints[0].weight'], [{ url: 'http://a', teir: 1 }, 'did you mean "tier"'],
    [{ tier: 1 }, 'has no "url"'], [{ url: 'http://127.0.0.1:8080' }, 'leads back'],
  ] as const) {
    const loaded = load({ endpoints: [endpoint] })
    t.equal(loaded.ok, false, JSON.stringify(endpoint))
    t.ok(!loaded.ok && loaded.faults.some(({ message }) => message.includes(path)), JSON.stringify(loaded))
  }
})

test('options of breaker, balance and checks are read, and wrong ones refused', async (t) => {
  const endpoints = ['http://a:1', 'http://b:2']
  const right = load({
    endpoints, breaker: { failures: 5, window: '10s', openFor: '30s', probes: 1 }, throttle: {}, slowStart: '30s',
    balance: 'round-robin', health: { path: '/health', interval: '2s' },
  })
  t.match(right, { ok: true, configuration: { upstreams: [{ options: {
    breaker: { failures: 5, window: 10_000, openFor: 30_000, probes: 1 }, throttle: { factor: 2 },
    balance: 'round-robin', slowStart: 30_000,
    health: { path: '/health', interval: 2_000, timeout: 1_000, healthy: 2, unhealthy: 3 },
  } }] } })
  for (const wrong of [
    { breaker: { failures: 0 } }, { balance: 'random' }, { health: {} }, { health: { path: 'health' } },
    { throttle: { factor: 1 } }, { slowStart: -1 }, { breaker: { volume: 20 } },
  ]) t.equal(load({ endpoints, ...wrong }).ok, false, JSON.stringify(wrong))
  t.equal(load({ endpoints, breaker: 'off', balance: 'off', health: 'off', throttle: 'off' }).ok, true)
})
