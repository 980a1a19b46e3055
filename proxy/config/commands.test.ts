import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { explainCommand, schemaCommand, validateCommand } from './commands.ts'
import type { CommandIo, ExitCode } from './commands.ts'
import { explainHelp, schemaHelp, validateHelp } from './help.ts'
import { schemaText } from './export-schema.ts'

const checkout = new URL('../../', import.meta.url)

interface Ran { readonly status: ExitCode; readonly out: string; readonly err: string }

function run(command: (io: CommandIo) => ExitCode, io: Partial<CommandIo> = {}): Ran {
  let out = ''
  let err = ''
  const status = command({
    stdout: (text) => { out += text },
    stderr: (text) => { err += text },
    readFile: (path) => readFileSync(new URL(path, checkout), 'utf8'),
    env: {}, isTTY: false, ...io,
  })
  return { status, out, err }
}

/** What is kept in fixtures/; TAP_SNAPSHOT=1 writes it anew, to be read before it is committed. */
function expected(name: string, out: string): string {
  const kept = new URL(`./fixtures/${name}`, import.meta.url)
  if (process.env['TAP_SNAPSHOT'] === '1') writeFileSync(kept, out)
  return readFileSync(kept, 'utf8')
}

const validate = (...args: string[]): Ran => run((io) => validateCommand(args, io))
const explain = (...args: string[]): Ran => run((io) => explainCommand(args, io))

test('a valid file is valid, and says what is in it', async (t) => {
  t.match(validate('config/charge.json'), {
    status: 0, err: '',
    // Its one warning says what a local store does not protect.
    out: /1 warning\nconfig\/charge\.json is valid: 5 listeners, 4 upstreams, 13 routes, hash [0-9a-f]{12}\n$/,
  })
})

test('an invalid file ends with 3, for machines as JSON', async (t) => {
  const file = 'proxy/config/fixtures/04-unknown-keys.json'
  t.equal(validate(file).status, 3)
  const { status, out } = validate(file, '--json')
  t.equal(status, 3)
  t.match(JSON.parse(out), {
    ok: false, file, faults: [{ code: 'config.unknown-key', line: 3, column: 3, severity: 'error' }],
  })
  t.match(JSON.parse(validate('config/charge.json', '--json').out), { ok: true, faults: [] })
})

test('a file that is not there is an invalid configuration', async (t) => {
  t.match(validate('absent.json'), { status: 3, out: /^absent\.json {2}config\.unreadable {2}cannot read the file/ })
  t.match(explain('--config', 'absent.json', 'GET', '/'), { status: 3, out: '', err: /config\.unreadable/ })
})

function out(isTTY: boolean, env: Record<string, string>): string {
  return run((io) => validateCommand(['proxy/config/fixtures/03-empty.json'], io), { isTTY, env }).out
}

test('colours are for people who did not say NO_COLOR', async (t) => {
  t.match(out(true, {}), '\u001B[')
  t.notMatch(out(true, { NO_COLOR: '1' }), '\u001B[')
  t.notMatch(out(false, {}), '\u001B[')
})

test('wrong usage ends with 2 and prints nothing but a notice', async (t) => {
  const wrong = [
    validate(), validate('a', 'b'), validate('--bogus', 'a'), explain('GET', '/'), explain('--config', 'c', 'GET'),
    explain('--config'), explain('--config', 'config/charge.json', 'GET', 'charge'),
    explain('--config', 'config/charge.json', 'GET', '/', '--listener', 'bogus'),
    run((io) => schemaCommand(io, ['more'])),
  ]
  for (const { status, out, err } of wrong) {
    t.match([status, out], [2, ''])
    t.match(err, /^seawall (?:validate|explain|schema): [^\n]+\nSee "seawall [a-z]+ --help"\.\n$/)
  }
})

test('the schema is printed as it is kept', async (t) => {
  t.match(run((io) => schemaCommand(io)), { status: 0, out: schemaText(), err: '' })
})

test('an explanation reads as it should', async (t) => {
  const { status, out } = explain('--config', 'config/charge.json', 'post', '/charge?draft=1')
  t.equal(status, 0)
  t.equal(out, expected('explain.txt', out))
})

test('the map of timeouts reads as it should', async (t) => {
  const asked = ['--config', 'config/charge.json', '--timeouts']
  const { status, out } = explain(...asked, '--listener', 'provider', 'GET', '/v1/x')
  t.equal(status, 0)
  t.equal(out, expected('timeouts.txt', out))
  t.match(JSON.parse(explain(...asked, '--json').out), [{ name: 'head', value: '10s' }])
})

test('a request that no route takes ends with 1', async (t) => {
  const asked = ['--config', 'config/charge.json', 'PUT', '/v1/charges', '--listener', 'provider']
  t.match(explain(...asked), { status: 1, out: /no route takes it\nanswer {3}404 route\.none/ })
  t.match(JSON.parse(explain(...asked, '--json').out), { route: null })
})

test('help fits on a screen, and its example runs as printed', async (t) => {
  for (const [text, command] of [
    [validateHelp, validateCommand], [explainHelp, explainCommand],
    [schemaHelp, (args: readonly string[], io: CommandIo) => schemaCommand(io, args)],
  ] as const) {
    t.match(run((io) => command(['--help'], io)), { status: 0, out: text, err: '' })
    t.ok(text.trimEnd().split('\n').length <= 25)
    const example = /^example:\n {2}node proxy\/seawall\.mjs \w+ ?(.*)$/m.exec(text)?.[1]
    t.type(example, 'string')
    t.equal(run((io) => command((example ?? '').split(' ').filter(Boolean), io)).status, 0)
  }
})

test('what is wrong with an argument or a file is named', async (t) => {
  t.match(validate('--jsn', 'a.json').err, /^seawall validate: there is no option --jsn, did you mean --json\?/)
  t.match(explain('--config').err, /^seawall explain: --config needs a value/)
  const reading = (code: string | null, text = ''): Ran => run((io) => validateCommand(['x.json'], {
    ...io, readFile: () => { if (code !== null) throw Object.assign(new Error(code), { code }); return text },
  }))
  t.match(reading('ENOENT').out, /cannot read the file: there is none of this name\n/)
  t.match(reading('EISDIR').out, /cannot read the file: it is a folder\n/)
  t.match(reading('EACCES').out, /cannot read the file: this user may not read it\n/)
  t.match(reading('EIO').out, /cannot read the file: EIO\n/)
  t.match(reading(null, ' \n').out, /config\.syntax {2}the file is empty, expected one object\n/)
  t.match(reading(null, '{\0"\0').out, /^x\.json:1:2 {2}config\.syntax {2}the file is no text in UTF-8/)
})
