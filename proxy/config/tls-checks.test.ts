import { test } from 'tap'
import {
  cnClientCertificate, expiredCertificate, secondKey, serverCertificate, serverKey, testCa,
} from '../edge/fixtures/test-certificates.ts'
import { loadConfiguration } from './load.ts'
import type { Loaded } from './load.ts'
import { currentRules } from './rules.ts'

const files: Readonly<Record<string, string>> = {
  'server.crt': serverCertificate, 'server.key': serverKey, 'second.key': secondKey, 'expired.crt': expiredCertificate,
  'ca.crt': testCa, 'client.crt': cnClientCertificate, 'empty.pem': '',
}

function load(tls: object, rest: object = {}): Loaded {
  const text = JSON.stringify({
    version: 1,
    listeners: { public: { kind: 'ingress', listen: '127.0.0.1:8443', tls, ...rest } },
    upstreams: { app: { endpoints: ['http://127.0.0.1:3000'] } },
    routes: [{ name: 'all', listener: 'public', match: { path: '/*' }, upstream: 'app' }],
  })
  return loadConfiguration(text, {
    file: '/etc/seawall/seawall.json', env: {}, rules: currentRules(),
    readFile: (path) => {
      const found = files[path.replace(/^\/etc\/seawall\//, '')]
      if (found === undefined) throw new Error('no such file')
      return found
    },
  })
}

function faults(tls: object): readonly string[] {
  const loaded = load(tls)
  return loaded.ok ? [] : loaded.faults.map(({ code, message }) => `${code} ${message}`)
}

test('a pair that belongs together is taken, with paths beside the configuration and HTTP/2 on', async (t) => {
  const loaded = load({ cert: 'server.crt', key: 'server.key', clientCa: 'ca.crt' })
  t.match(loaded, {
    ok: true,
    configuration: {
      listeners: [{
        http2: true,
        tls: {
          cert: '/etc/seawall/server.crt', key: '/etc/seawall/server.key', clientCa: '/etc/seawall/ca.crt',
          minVersion: 'TLSv1.2',
        },
      }],
    },
  })
  t.match(load({ cert: 'server.crt', key: 'server.key' }, { http2: false }), {
    configuration: { listeners: [{ http2: false, tls: { clientCa: null } }] },
  })
})

test('a listener without encryption speaks HTTP/2 only when told to', async (t) => {
  const plain = (http2?: boolean): Loaded => loadConfiguration(JSON.stringify({
    version: 1,
    listeners: { public: { kind: 'ingress', listen: '127.0.0.1:8080', ...(http2 === undefined ? {} : { http2 }) } },
    upstreams: { app: { endpoints: ['http://127.0.0.1:3000'] } },
    routes: [{ name: 'all', listener: 'public', match: { path: '/*' }, upstream: 'app' }],
  }), { file: 'a.json', env: {}, rules: currentRules(), readFile: () => '' })
  t.match(plain(), { configuration: { listeners: [{ tls: null, http2: false }] } })
  t.match(plain(true), { configuration: { listeners: [{ tls: null, http2: true }] } })
})

test('what cannot be used is told with the file that is to blame', async (t) => {
  const rows: readonly (readonly [object, RegExp])[] = [
    [{ cert: 'none.crt', key: 'server.key' }, /^listener\.tls-unreadable .* none\.crt cannot be read: no such file$/],
    [{ cert: 'empty.pem', key: 'server.key' }, /^listener\.tls-malformed the file empty\.pem .* no certificate in it$/],
    [{ cert: 'server.key', key: 'server.key' }, /^listener\.tls-malformed the file server\.key .* no certificate/],
    [{ cert: 'server.crt', key: 'server.crt' }, /^listener\.tls-malformed .* server\.crt .* no private key in it/],
    [{ cert: 'server.crt', key: 'second.key' }, /^listener\.tls-key-mismatch .*second\.key .*\(CN=edge\.test\)$/],
    [{ cert: 'expired.crt', key: 'server.key' },
      /^listener\.tls-expired the file expired\.crt .* over: CN=edge\.test, valid .* to Jan +1 00:00:00 2021 GMT$/],
    [{ cert: 'server.crt', key: 'server.key', clientCa: 'empty.pem' }, /^listener\.tls-malformed the file empty\.pem/],
  ]
  for (const [tls, expected] of rows) {
    const told = faults(tls)
    t.equal(told.length, 1, JSON.stringify(tls))
    t.match(told[0], expected)
  }
})

test('every file that is not there is told at once, and nothing of a key', async (t) => {
  t.equal(faults({ cert: 'a', key: 'b', clientCa: 'c' }).length, 3)
  t.notMatch(JSON.stringify(load({ cert: 'server.crt', key: 'second.key' })), 'PRIVATE KEY')
  t.match(faults({ cert: serverCertificate, key: serverKey }).join('\n'), /config\.format/, 'PEM is no path')
  t.notMatch(JSON.stringify(load({ cert: 'server.crt', key: serverKey })), secondLine(serverKey))
})

function secondLine(pem: string): string {
  return pem.trim().split('\n')[1] as string
}
