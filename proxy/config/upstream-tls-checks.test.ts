import { test } from 'tap'
import {
  clientKey, cnClientCertificate, expiredCertificate, secondKey, serverKey, testCa,
} from '../edge/fixtures/test-certificates.ts'
import type { UpstreamTlsConfiguration } from '../core/configuration.ts'
import { loadConfiguration } from './load.ts'
import type { Loaded } from './load.ts'
import { currentRules } from './rules.ts'

const files: Readonly<Record<string, string>> = {
  'client.crt': cnClientCertificate, 'client.key': clientKey, 'second.key': secondKey, 'server.key': serverKey,
  'expired.crt': expiredCertificate, 'ca.crt': testCa, 'empty.pem': '',
}

function load(upstream: object, given = files): Loaded {
  const text = JSON.stringify({
    version: 1,
    listeners: { out: { kind: 'egress', listen: '127.0.0.1:8081' } },
    upstreams: { app: { endpoints: ['https://api.example'], ...upstream } },
    routes: [{ name: 'all', listener: 'out', match: { path: '/*' }, upstream: 'app' }],
  })
  return loadConfiguration(text, {
    file: '/etc/seawall/seawall.json', env: {}, rules: currentRules(),
    readFile: (path) => {
      const found = given[path.replace(/^\/etc\/seawall\//, '')]
      if (found === undefined) throw new Error('no such file')
      return found
    },
  })
}

function told(tls: object, rest: object = {}): readonly string[] {
  const loaded = load({ tls, ...rest })
  return (loaded.ok ? loaded.warnings : loaded.faults).map(({ code, message }) => `${code} ${message}`)
}

function tlsOf(loaded: Loaded): UpstreamTlsConfiguration | undefined {
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults))
  return loaded.configuration.upstreams[0]?.tls
}

test('files are read beside the configuration, and an upstream is verified unless it says otherwise', async (t) => {
  t.strictSame(tlsOf(load({ tls: { ca: 'ca.crt', cert: 'client.crt', key: 'client.key', serverName: 'a.example' } })), {
    ca: testCa, cert: cnClientCertificate, key: clientKey, serverName: 'a.example', verifies: true,
    files: ['/etc/seawall/ca.crt', '/etc/seawall/client.crt', '/etc/seawall/client.key'],
  })
  t.strictSame(tlsOf(load({ tls: {} })), {
    ca: null, cert: null, key: null, serverName: null, verifies: true, files: [],
  })
  t.equal(tlsOf(load({})), undefined)
})

test('HTTP/2 and a Seawall upstream have to be written', async (t) => {
  t.match(load({}), { configuration: { upstreams: [{ http2: false, options: { type: undefined } }] } })
  const written = load({ http2: true, type: 'seawall' })
  t.match(written, { configuration: { upstreams: [{ http2: true, options: { type: 'seawall' } }] } })
})

test('a renewed file makes another configuration of the same text', async (t) => {
  const hash = (given: Readonly<Record<string, string>>): string => {
    const loaded = load({ tls: { ca: 'ca.crt' } }, given)
    return loaded.ok ? loaded.configuration.hash : 'invalid'
  }
  t.equal(hash(files), hash(files))
  t.not(hash(files), hash({ ...files, 'ca.crt': cnClientCertificate }))
})

test('what cannot be used is told with the file that is to blame', async (t) => {
  const rows: readonly (readonly [object, RegExp])[] = [
    [{ ca: 'none.crt' }, /^upstream\.tls-unreadable the file none\.crt cannot be read: no such file$/],
    [{ ca: 'empty.pem' }, /^upstream\.tls-malformed the file empty\.pem .* no certificate in it$/],
    [{ ca: 'server.key' }, /^upstream\.tls-malformed the file server\.key .* no certificate in it$/],
    [{ cert: 'empty.pem', key: 'client.key' }, /^upstream\.tls-malformed the file empty\.pem/],
    [{ cert: 'client.crt', key: 'client.crt' }, /^upstream\.tls-malformed .* client\.crt .* no private key in it/],
    [{ cert: 'client.crt', key: 'second.key' }, /^upstream\.tls-key-mismatch the file second\.key/],
    [{ cert: 'expired.crt', key: 'server.key' }, /^upstream\.tls-expired the file expired\.crt .* over: CN=edge\.test/],
    [{ cert: 'client.crt' }, /^upstream\.tls-incomplete "cert" is of no use without "key"$/],
    [{ key: 'client.key' }, /^upstream\.tls-incomplete "key" is of no use without "cert"$/],
    [{ insecureSkipVerify: true }, /^upstream\.tls-unverified .* upstream "app" can read and change everything$/],
    [{ serverName: '10.0.0.1' }, /^config\.format .*serverName/],
  ]
  for (const [tls, expected] of rows) {
    const seen = told(tls)
    t.equal(seen.length, 1, JSON.stringify(tls))
    t.match(seen[0], expected)
  }
})

test('encryption of an upstream that has none is a warning', async (t) => {
  t.match(told({}, { endpoints: ['http://127.0.0.1:3000'] }), [/^upstream\.tls-unused no endpoint/])
  t.strictSame(told({}, { endpoints: ['http://127.0.0.1:3000', 'https://api.example'] }), [])
})

test('nothing of a key is told, and no PEM is a path', async (t) => {
  const secret = clientKey.trim().split('\n')[1] as string
  t.notMatch(JSON.stringify(load({ tls: { cert: 'expired.crt', key: 'client.key' } })), secret)
  t.notMatch(JSON.stringify(load({ tls: { cert: 'client.crt', key: clientKey } })), secret)
})
