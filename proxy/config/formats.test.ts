import { test } from 'tap'
import { formats } from './formats.ts'

const cases: Readonly<Record<string, { readonly right: readonly string[]; readonly wrong: readonly string[] }>> = {
  'listen-address': { right: ['127.0.0.1:80'], wrong: ['80'] },
  'address-range': {
    right: ['10.0.0.1', '10.0.0.0/8', '::1', 'fc00::/7'], wrong: ['10.0.0.0/33', 'x', '10.0.0.0/', '::1/129'],
  },
  'file-path': {
    right: ['a', '/run/tls/tls.crt', '../a b'],
    wrong: ['', 'a\nb', 'a\0', '-----BEGIN PRIVATE KEY-----\n', 'x'.repeat(4097)],
  },
  origin: {
    right: ['http://a', 'https://a:1', 'http://[::1]:80'],
    wrong: ['a:1', 'ftp://a', 'http://a/', 'http://a?b', 'http://u:p@a', 'http://a:0', 'http://a:70000', 'http://a b'],
  },
  authority: { right: ['a', 'a.example:80'], wrong: ['', 'a/b', 'a@b', 'a b'] },
  method: { right: ['GET', 'M-SEARCH'], wrong: ['get', 'CONNECT', 'G ET', ''] },
  'match-host': { right: ['a.example'], wrong: ['A.example', 'a.example:80', 'a/b'] },
  'match-path': {
    right: ['/', '/*', '/a', '/a/', '/a/:id/*', '/a*', '/v1/a:capture'],
    wrong: ['', 'a', '/a*b', '/*/a', '/a?b', '/a#b', '//a', '/a/../b', '/./a', '/a b', '/:', '/:a-b', '/%61', '/a\\b'],
  },
  'check-path': {
    right: ['/', '/health', '/health?full=1'], wrong: ['', 'health', '/a b', '/a#b', '/ä', `/${'x'.repeat(2048)}`],
  },
  'path-prefix': { right: ['', '/api', '/a/b'], wrong: ['/', 'api', '/api/', '/a*', '/:a'] },
  'web-url': {
    right: ['https://a/b?c#d', 'http://a'], wrong: ['', 'a', 'ftp://a', 'https://', 'https://a>b', 'https://a b'],
  },
  'header-name': { right: ['x-a', 'X_a'], wrong: ['', 'x a', 'x:a', 'x\r\n'] },
  rate: { right: ['1/s', '1000/h'], wrong: ['', '0/s', '5', '5/w', '-1/s', '1.5/s', '5 /s'] },
  'rate-limit-key': {
    right: ['ip', 'identity', 'route', 'all', 'header:x-a'], wrong: ['', 'header:', 'header:a b', 'heder:a', 'x'],
  },
  'key-scope': {
    right: ['credential', 'mtls', 'none', 'header:x-a'], wrong: ['', 'header:', 'header: a', 'ip', 'credentials'],
  },
  'json-member': { right: ['$.a', '$.a-b.c_1'], wrong: ['', '$', 'a', '$.', '$.a[0]', '$.a b', '$..a', '$.*'] },
  'json-path': { right: ['$.a', '$.a.b[0].c', '$[1]'], wrong: ['', '$', 'a', '$a', '$.', '$..a', '$.a[x]', '$.*[?]'] },
  'server-name': {
    right: ['a', 'api.provider.example', 'a-b.c'], wrong: ['', '127.0.0.1', '::1', 'a:1', 'a/b', '-a', '.a', 'a.'],
  },
  'redis-url': { right: ['redis://a', 'rediss://u:p@a:1/0'], wrong: ['', 'http://a', 'redis://', 'a:1'] },
  'host-port': { right: ['a', 'a:1', '[::1]:1'], wrong: ['', 'a/b', 'redis://a', 'a:70000'] },
  'header-value': { right: ['', 'a b\t', 'é'], wrong: ['a\r\nb: c', 'a\0', '→'] },
}

test('every format takes what it should and nothing else', async (t) => {
  t.strictSame(Object.keys(cases).toSorted(), Object.keys(formats).toSorted(), 'every format is tried')
  for (const [name, { right, wrong }] of Object.entries(cases)) {
    for (const text of right) t.equal(formats[name]?.accepts(text), true, `${name} takes ${JSON.stringify(text)}`)
    for (const text of wrong) t.equal(formats[name]?.accepts(text), false, `${name} refuses ${JSON.stringify(text)}`)
  }
})
