import { test } from 'tap'
import { configurationFromUpstream } from './from-upstream.ts'

test('one address is a whole configuration', async (t) => {
  const loaded = configurationFromUpstream({ upstream: 'http://127.0.0.1:3000/' })
  if (!loaded.ok) return t.fail('it is valid', { faults: loaded.faults })
  t.match(loaded.configuration, {
    file: null, mode: 'enforce', probe: null,
    listeners: [{ kind: 'ingress', address: { host: '127.0.0.1', port: 8080 } }],
    admin: { address: { host: '127.0.0.1', port: 9900 } },
    upstreams: [{ endpoints: ['http://127.0.0.1:3000'] }],
    routes: [{ match: { path: '/*', methods: null, host: null } }],
  })
  t.match(loaded.origins.get('/upstreams/service/endpoints')?.origin, { kind: 'option', option: '--upstream' })
  t.match(loaded.origins.get('/listeners/public/listen')?.origin, { kind: 'default' })
})

test('its options say where they came from', async (t) => {
  const loaded = configurationFromUpstream({
    upstream: 'https://a.example', listen: '0.0.0.0:0', admin: 'unix:/run/a.sock', observe: true, isTerminal: true,
  })
  if (!loaded.ok) return t.fail('it is valid', { faults: loaded.faults })
  t.match(loaded.configuration, {
    mode: 'observe', admin: { address: { kind: 'unix', path: '/run/a.sock' } }, drain: { delayMs: 0 },
  })
  const options = ['/listeners/public/listen', '/admin/listen', '/mode'].map((at) => loaded.origins.get(at)?.origin)
  t.match(options, [{ option: '--listen' }, { option: '--admin' }, { option: '--observe' }])
})

test('every option that cannot be used is told, by its name', async (t) => {
  const loaded = configurationFromUpstream({ upstream: 'localhost:3000', listen: '80', admin: 'x' })
  t.notOk(loaded.ok)
  t.match(loaded.ok ? [] : loaded.faults, [
    { file: '--upstream', line: 0, code: 'config.format', got: '"localhost:3000"' }, { file: '--listen' },
    { file: '--admin' },
  ])
  const exposed = configurationFromUpstream({ upstream: 'http://a', admin: '0.0.0.0:1' })
  t.match(exposed.ok ? [] : exposed.faults, [{ code: 'admin.exposed', line: 0 }])
  const self = configurationFromUpstream({ upstream: 'http://127.0.0.1:8080' })
  t.match(self.ok ? [] : self.faults, [{ code: 'upstream.is-self' }])
})

test('an address is never looked through for variables', async (t) => {
  t.notOk(configurationFromUpstream({ upstream: 'http://${HOME}' }).ok)
})
