import { readFileSync } from 'node:fs'
import { test } from 'tap'
import type { Test } from 'tap'
import * as fc from 'fast-check'
import { loadConfiguration, loading } from './load.ts'
import type { Loaded, LoadOptions, Valid } from './load.ts'
import { currentRules } from './rules.ts'

const secret = 'hunter2-hunter2-hunter2'

function load(text: string, options: Partial<LoadOptions> = {}): Loaded {
  return loadConfiguration(text, {
    file: 'conf/seawall.json', env: {}, rules: currentRules(), readFile: () => { throw new Error('no such file') },
    ...options,
  })
}

/** A small valid file, with parts replaced. */
function file(parts: Record<string, unknown> = {}, route: Record<string, unknown> = {}): string {
  return JSON.stringify({
    version: 1,
    listeners: { public: { kind: 'ingress', listen: '127.0.0.1:8080' } },
    upstreams: { app: { endpoints: ['http://127.0.0.1:3000'] } },
    routes: [{ name: 'all', listener: 'public', match: { path: '/*' }, upstream: 'app', ...route }],
    ...parts,
  })
}

function valid(t: Test, loaded: Loaded): Valid {
  if (loaded.ok) return loaded
  t.fail('it is valid', { faults: loaded.faults })
  throw new Error('it is not valid')
}

function bulkhead(mode: string): object {
  return { bulkhead: { maxConcurrent: 5, mode } }
}

function codes(loaded: Loaded): readonly string[] {
  return (loaded.ok ? loaded.warnings : loaded.faults).map(({ code }) => code)
}

test('a small file becomes a whole configuration, with every default', async (t) => {
  const { configuration, warnings } = valid(t, load(file()))
  t.strictSame(warnings, [])
  t.match(configuration, {
    file: 'conf/seawall.json', mode: 'enforce', hash: /^[0-9a-f]{12}$/,
    listeners: [{
      name: 'public', address: { kind: 'tcp', host: '127.0.0.1', port: 8080 }, backlog: 1024, halfClose: 'leave',
    }],
    admin: { address: { kind: 'tcp', host: '127.0.0.1', port: 9900 }, token: null },
    probe: null,
    limits: { headerBytes: 16_384, headerCount: 100, uriBytes: 8192, connections: 10_000, connectionsPerCaller: 1000 },
    timeouts: { headMs: 10_000, requestIdleMs: 30_000, keepAliveMs: 75_000 },
    drain: { delayMs: 5000, timeoutMs: 25_000 },
    upstreams: [{
      host: null, startupMs: 30_000, options: { timeouts: { connect: 1000, idle: 60_000, keepAlive: 4000 } },
    }],
    routes: [{ mode: 'enforce', isStream: false, stripPrefix: '', maxBodyBytes: Infinity, match: { methods: null } }],
  })
  t.notOk('bulkhead' in (configuration.upstreams[0]?.options ?? {}), 'what is off until written stays absent')
})

test('a configuration cannot be changed', async (t) => {
  const { configuration } = valid(t, load(file()))
  t.throws(() => { (configuration.routes as unknown[]).push(1) })
  t.throws(() => { (configuration.limits as { headerBytes: number }).headerBytes = 1 })
})

test('comments, trailing commas and a byte order mark are accepted', async (t) => {
  t.ok(load(`\uFEFF// a comment\n${file().replace(/\}$/, ', /* last */ }')}`).ok)
})

test('equal values have equal hashes however they are written, and other values another', async (t) => {
  const hash = (text: string): string => valid(t, load(text)).configuration.hash
  t.equal(hash(file({ drain: { delay: '5s' } })), hash(file({ drain: { delay: 5000 } })))
  t.equal(hash(file()), hash(file({ drain: { timeout: '25s', delay: '5s' } })))
  t.not(hash(file()), hash(file({ drain: { delay: '6s' } })))
})

test('variables become numbers, durations and truth values where those are wanted', async (t) => {
  const env = { BACKLOG: '7', DEADLINE: '1500', STREAM: 'true', SHARE: '0.5', WAIT: '50ms' }
  const { configuration } = valid(t, load(file({
    listeners: { public: { kind: 'ingress', listen: '127.0.0.1:8080', backlog: '${BACKLOG}' } },
    upstreams: {
      app: { endpoints: ['http://127.0.0.1:3000'], bulkhead: { maxConcurrent: '${MAX:-9}', maxWait: '${WAIT}' } },
    },
  }, { stream: '${STREAM}', deadline: { max: '${DEADLINE}' }, bulkhead: { share: '${SHARE}' } }), { env }))
  t.equal(configuration.listeners[0]?.backlog, 7)
  t.match(configuration.upstreams[0]?.options, { bulkhead: { maxConcurrent: 9, maxWait: 50 } })
  t.match(configuration.routes[0], { isStream: true, options: { deadline: { max: 1500 }, bulkhead: { share: 0.5 } } })
})

test('text that only looks like a number stays what it is where no variable brought it', async (t) => {
  t.strictSame(codes(load(file({}, { stream: 'true' }))), ['config.type'])
  t.strictSame(codes(load(file({ limits: { headerCount: '7' } }))), ['config.type'])
})

test('files of secrets are looked for beside the configuration', async (t) => {
  const asked: string[] = []
  const readFile = (path: string): string => { asked.push(path); return `${secret}\n` }
  const { configuration } = valid(t, load(file({ admin: { token: '${file:secrets/token}' } }), { readFile }))
  t.equal(configuration.admin.token, secret)
  t.match(asked[0], /\/conf\/secrets\/token$/)
})

test('values from outside are masked wherever they would show, and say where they came from', async (t) => {
  const env = { TOKEN: secret, HOST: '127.0.0.1' }
  const { origins } = valid(t, load(file({
    admin: { token: '${TOKEN}' }, upstreams: { app: { endpoints: ['http://${HOST}:3000', 'http://127.0.0.1:3001'] } },
  }, { headers: { request: { set: { authorization: 'Bearer plain', 'x-a': '${TOKEN}' } } } }), { env }))
  t.match(origins.get('/admin/token'), { shown: '***', origin: { kind: 'variable', names: ['env TOKEN'], line: 1 } })
  t.match(origins.get('/upstreams/app/endpoints'), { shown: '***', origin: { names: ['env HOST'] } })
  t.match(origins.get('/routes/0/headers/request/set/authorization'), { shown: '***', origin: { kind: 'file' } })
  t.notMatch(JSON.stringify([...origins]), secret)
})

test('faults never say what a variable brought, neither as a value nor inside a sentence', async (t) => {
  const env = { NAME: 'hunter2', URL: 'http://127.0.0.1:8080', LONG: '61m', KIND: 'ingres' }
  const loaded = load(file({
    mode: '${KIND}', upstreams: { app: { endpoints: ['${URL}'], timeouts: { attempt: '${LONG}', idle: '${NAME}' } } },
  }, { upstream: '${NAME}', listener: '${NAME}' }), { env })
  t.strictSame(codes(loaded).toSorted(), [
    'config.range', 'config.type', 'config.value', 'listener.without-route', 'route.unknown-listener',
    'route.unknown-upstream', 'upstream.is-self', 'upstream.unused',
  ])
  t.notMatch(JSON.stringify(loaded), /hunter2|127\.0\.0\.1:8080|61m|"ingres/)
})

test('every value says whether it was written, and where', async (t) => {
  const { origins } = valid(t, load(file({}, { deadline: { default: '2s' } }).replace('"routes"', '\n"routes"')))
  t.match(origins.get('/routes/0/deadline/default'), {
    path: 'routes[0].deadline.default', shown: '2s', origin: { kind: 'file', file: 'conf/seawall.json', line: 2 },
  })
  t.match(origins.get('/routes/0/deadline/max'), { shown: '15m', origin: { kind: 'default' } })
  t.match(origins.get('/drain/delay'), { shown: '5s', origin: { kind: 'default' } })
})

test('the nearest mode holds: policy on the route, policy on the upstream, route, whole', async (t) => {
  const modes = (whole: string, upstream: unknown, route: Record<string, unknown>): unknown => {
    const { configuration } = valid(t, load(file({
      mode: whole, upstreams: { app: { endpoints: ['http://127.0.0.1:3000'], ...(upstream as object) } },
    }, route)))
    return [configuration.routes[0]?.mode, configuration.routes[0]?.policyModes]
  }
  t.strictSame(modes('observe', {}, {}), ['observe', {}])
  t.strictSame(modes('observe', {}, { mode: 'enforce' }), ['enforce', {}])
  t.strictSame(modes('enforce', {}, { deadline: { mode: 'observe' } }), ['enforce', { deadline: 'observe' }])
  t.strictSame(modes('observe', bulkhead('enforce'), {}), ['observe', { shed: 'enforce' }])
  t.strictSame(modes('enforce', bulkhead('enforce'), { mode: 'observe' }), ['observe', { shed: 'observe' }],
    'an upstream does not make a route act that observes')
  t.strictSame(modes('enforce', bulkhead('observe'), { shed: { mode: 'enforce' } }), ['enforce', { shed: 'enforce' }])
})

test('policies see their own options, without mode, and off as off', async (t) => {
  const { configuration } = valid(t, load(file({}, { deadline: { max: '1s', mode: 'observe' }, shed: 'off' })))
  t.strictSame(configuration.routes[0]?.options['deadline'], { max: 1000 })
  t.equal(configuration.routes[0]?.options['shed'], 'off')
})

test('words of the command line go before the file', async (t) => {
  const text = file({ mode: 'enforce' }, { mode: 'enforce', deadline: { mode: 'enforce' } })
  const { configuration, origins } = valid(t, load(text, {
    overrides: { observe: true, admin: '127.0.0.1:7', isTerminal: true },
  }))
  t.match(configuration, {
    mode: 'observe', admin: { address: { port: 7 } }, drain: { delayMs: 0 }, routes: [{ mode: 'observe' }],
  })
  t.strictSame(configuration.routes[0]?.policyModes, {})
  t.match(origins.get('/mode')?.origin, { kind: 'option', option: '--observe' })
  t.not(configuration.hash, valid(t, load(text)).configuration.hash)
  const written = valid(t, load(file({ drain: { delay: '1s' } }), { overrides: { isTerminal: true } }))
  t.equal(written.configuration.drain.delayMs, 1000, 'a delay that is written holds in a terminal too')
})

function faults(admin: string): unknown {
  const loaded = load(file(), { overrides: { admin } })
  return loaded.ok ? [] : loaded.faults.map((fault) => [fault.file, fault.line, fault.code])
}

test('an option that cannot be used is told by its name, not by a line', async (t) => {
  t.strictSame(faults('bogus'), [['--admin', 0, 'config.format']])
  t.strictSame(faults('0.0.0.0:7'), [['--admin', 0, 'admin.exposed']])
  t.strictSame(faults('127.0.0.1:7'), [])
})

test('keys of the object prototype change nothing', async (t) => {
  const hostile = '"__proto__": { "polluted": true }, "constructor": { "prototype": { "polluted": 1 } }'
  const text = file().replace('{', `{ ${hostile},`)
  t.strictSame(codes(load(text)), ['config.forbidden-key', 'config.forbidden-key'])
  t.equal(({} as { polluted?: unknown }).polluted, undefined)
  const named = file({ upstreams: { toString: { endpoints: ['http://127.0.0.1:3000'] } } }, { upstream: 'toString' })
  t.ok(load(named).ok, 'a name that objects happen to have is a name like any other')
  t.ok(codes(load(file({}, { upstream: 'valueOf' }))).includes('route.unknown-upstream'))
})

test('faults of syntax, schema and between parts are told together', async (t) => {
  const route = { upstream: 'ap', timeouts: { attempt: '30m' }, bogus: 1 }
  const text = file({ mode: 'x' }, route).replace(',"mode"', '"mode"')
  t.strictSame(codes(load(text)).toSorted(), [
    'config.syntax', 'config.unknown-key', 'config.value', 'route.unknown-upstream', 'timeouts.exceed-deadline',
  ])
})

test('a file too long or too deep is refused without being read', async (t) => {
  t.strictSame(codes(load(' '.repeat(4_194_305))), ['config.too-large'])
  t.strictSame(codes(load('['.repeat(100_000))), ['config.too-large'])
  t.strictSame(codes(load('{"a":'.repeat(65))), ['config.too-large'])
})

test('no text whatever makes the loader throw, and a fault always has a place', async (t) => {
  const scenario = readFileSync(new URL('../../config/charge.json', import.meta.url), 'utf8')
  const tokens = fc.constantFrom('{', ']', '"', ',', 'null', '"off"', '-1', '{}', '[[1]]')
  const put = fc.oneof(fc.string({ maxLength: 5 }), tokens)
  const cut = fc.record({ at: fc.nat({ max: scenario.length }), length: fc.nat({ max: 40 }), put })
  fc.assert(fc.property(fc.array(cut, { minLength: 1, maxLength: 3 }), (cuts) => {
    const text = cuts.reduce((now, one) => now.slice(0, one.at) + one.put + now.slice(one.at + one.length), scenario)
    const loaded = load(text)
    return loaded.ok || (loaded.faults.length > 0 && loaded.faults.every(({ line, column }) => line > 0 && column > 0))
  }), { numRuns: 500 })
  t.pass('500 mangled files')
})

test('a reading gives way before each route', (t) => {
  const routes = Array.from({ length: 100 }, (_, i) => ({
    name: `r${i}`, listener: 'public', match: { path: `/${i}` }, upstream: 'app',
  }))
  const options = { file: 'seawall.json', env: {}, rules: currentRules(), readFile: () => '' }
  const steps = loading(file({ routes }), options)
  let pauses = 0
  let step = steps.next()
  for (; step.done !== true; step = steps.next()) pauses++
  t.ok(pauses >= 100, `${pauses} pauses`)
  t.same(step.value, loadConfiguration(file({ routes }), options), 'and comes to the same')
  t.end()
})

test('faults on purpose that strike whoever comes are warned of, those for who rehearses are not', async (t) => {
  const warned = (fault: unknown): string[] => valid(t, load(file({}, { fault }))).warnings.map(({ code }) => code)
  t.strictSame(warned([{ header: 'x-rehearse', abort: 503 }]), [])
  t.strictSame(warned([{ header: 'x-rehearse', delay: '1s' }, { share: 0.1, abort: 503 }]), ['fault.strikes-anybody'])
  t.strictSame(warned({ injections: [{ reset: 'after' }] }), ['fault.strikes-anybody'])
})
