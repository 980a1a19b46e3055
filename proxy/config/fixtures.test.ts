// The broken files in fixtures/, each with exactly what `validate` prints of it. TAP_SNAPSHOT=1 writes the expected
// texts anew; read them before they are committed.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { validateCommand } from './commands.ts'
import { faultSeverities } from './fault.ts'

const folder = new URL('./fixtures/', import.meta.url)
const names = readdirSync(folder).filter((name) => name.endsWith('.json')).toSorted()
const secret = 'hunter2-and-more'
const seen = new Set<string>()

for (const name of names) {
  test(`${name} is told fault by fault`, async (t) => {
    let printed = ''
    const status = validateCommand([name], {
      stdout: (text) => { printed += text },
      stderr: (text) => { t.fail(`nothing belongs on stderr: ${text}`) },
      readFile: (path) => {
        if (path !== name) throw new Error('no such file')
        return readFileSync(new URL(name, folder), 'utf8')
      },
      env: { SECRET: secret, NO_COLOR: '1' },
      isTTY: true,
    })
    // It changes with every default.
    printed = printed.replace(/hash [0-9a-f]{12}$/m, 'hash (twelve digits)')
    const expected = new URL(name.replace(/json$/, 'txt'), folder)
    if (process.env['TAP_SNAPSHOT'] === '1') writeFileSync(expected, printed)
    t.equal(printed, readFileSync(expected, 'utf8'))
    t.equal(status, printed.includes(' is valid: ') ? 0 : 3)
    t.notMatch(printed, secret, 'what came from the environment is masked')
    for (const [, code] of printed.matchAll(/^\S+ {2}([a-z-]+\.[a-z-]+)/gm)) seen.add(code ?? '')
  })
}

test('there are twenty and more, and they show every code that a file can have', async (t) => {
  t.ok(names.length >= 20)
  // A file that is absent or endless cannot be kept as a fixture; load.test.ts and commands.test.ts have them.
  // What is wrong with certificates is in tls-checks.test.ts and upstream-tls-checks.test.ts.
  const elsewhere = new Set([
    'config.unreadable', 'config.too-large', 'listener.tls-malformed', 'listener.tls-key-mismatch',
    'listener.tls-expired', 'upstream.tls-malformed', 'upstream.tls-key-mismatch', 'upstream.tls-expired',
  ])
  t.strictSame(Object.keys(faultSeverities).filter((code) => !seen.has(code) && !elsewhere.has(code)), [])
})
