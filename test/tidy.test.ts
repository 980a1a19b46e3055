// Style as a test: what docs/STYLE.md promises and a reader relies on without looking. Each rule says which file and
// line breaks it.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { codes } from '../proxy/core/codes.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const folders = ['proxy', 'sample-service', 'provider-sim', 'bench', 'test', 'scripts']

interface Source { readonly path: string; readonly text: string; readonly lines: readonly string[] }

function filesBelow(folder: string, ending: RegExp): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
}

const sources: readonly Source[] = folders.flatMap((folder) => filesBelow(join(root, folder), /\.(ts|mjs)$/))
  .map((path) => {
    const text = readFileSync(join(root, path), 'utf8')
    return { path, text, lines: text.split('\n') }
  })
const isTest = (source: Source): boolean => source.path.endsWith('.test.ts') || source.path.startsWith('test/')
const proxy = sources.filter((source) => source.path.startsWith('proxy/') && !isTest(source))

/** `path:line` of every line that `breaks` the rule. */
function breaches(of: readonly Source[], breaks: (line: string, source: Source) => boolean): string[] {
  return of.flatMap((source) =>
    source.lines.flatMap((line, i) => breaks(line, source) ? [`${source.path}:${i + 1}`] : []))
}

test('a file has at most 250 lines, a test 500', async (t) => {
  t.strictSame(sources.filter((s) => s.lines.length - 1 > (isTest(s) ? 500 : 250)).map((s) => s.path), [])
})

test('a line has at most 120 columns', async (t) => {
  t.strictSame(breaches(sources, (line) => line.length > 120), [])
})

const functionHead =
  /^(\s*)(?:export )?(?:async )?(?:function\*? |(?:static |override )?(?:async )?#?[a-zA-Z]+\(.*\{$)/

test('a function has at most 50 lines', async (t) => {
  const long: string[] = []
  for (const source of sources.filter((s) => !isTest(s))) {
    source.lines.forEach((line, i) => {
      const head = functionHead.exec(line)
      if (head === null || !line.endsWith('{')) return
      const close = `${head[1]}}`
      const end = source.lines.findIndex((other, j) => j > i && (other === close || other.startsWith(`${close})`)))
      if (end - i - 1 > 50) long.push(`${source.path}:${i + 1}`)
    })
  }
  t.strictSame(long, [])
})

test('a file begins with what it is', async (t) => {
  const silent = sources.filter((s) => !isTest(s) && !/^(#!.*\n)?\/[/*]/.test(s.text))
  t.strictSame(silent.map((s) => s.path), [])
})

const floors: readonly (readonly string[])[] = [
  ['core'], ['http1', 'algorithms'], ['policies'], ['pipeline', 'upstream', 'observe', 'stores'],
  ['edge', 'config', 'admin', 'command'], ['lifecycle'], ['main'],
]

/** Rooms that only know the ground floor and one more, wherever they stand. */
const sealed = new Map([
  ['upstream', 'http1'], ['observe', 'http1'], ['http1', 'http1'], ['algorithms', 'http1'], ['stores', 'algorithms'],
])

function roomOf(path: string): string {
  const parts = path.split('/')
  return parts.length > 2 ? parts[1] as string : 'main'
}

function floorOf(room: string): number {
  return floors.findIndex((rooms) => rooms.includes(room))
}

test('imports go down only', async (t) => {
  const wrong: string[] = []
  for (const source of proxy) {
    const room = roomOf(source.path)
    for (const [, target] of source.text.matchAll(/from '(\.[^']+)'/g)) {
      const other = roomOf(relative(root, join(root, dirname(source.path), target as string)))
      if (other === room) continue
      const isDown = floorOf(other) < floorOf(room) || (sealed.has(room) ? false : floorOf(other) === floorOf(room))
      const isSealedIn = sealed.has(room) && !['core', sealed.get(room)].includes(other)
      if (!isDown || isSealedIn) wrong.push(`${source.path} imports ${other}`)
    }
  }
  t.strictSame(wrong, [])
})

test('every room of the proxy has a floor', async (t) => {
  t.strictSame([...new Set(proxy.map((s) => roomOf(s.path)))].filter((room) => floorOf(room) < 0), [])
})

test('imports make no cycle', async (t) => {
  const edges = new Map(proxy.map((source) => {
    const values = [...source.text.matchAll(/^import (?!type)[^']*'(\.[^']+)'/gm)]
    return [source.path, values.map(([, target]) => join(dirname(source.path), target as string))]
  }))
  const state = new Map<string, 'open' | 'done'>()
  const cycles: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'done') return
    if (state.get(path) === 'open') { cycles.push([...trail, path].join(' → ')); return }
    state.set(path, 'open')
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
    state.set(path, 'done')
  }
  for (const path of edges.keys()) visit(path, [])
  t.strictSame(cycles, [])
})

test('policies do not import each other', async (t) => {
  const wrong = proxy.filter((s) => s.path.startsWith('proxy/policies/')).filter((source) => {
    const own = source.path.split('/')[2]
    return [...source.text.matchAll(/from '(\.[^']+)'/g)].some(([, target]) => {
      const parts = relative(root, join(root, dirname(source.path), target as string)).split('/')
      return parts[1] === 'policies' && parts[2] !== own
    })
  })
  t.strictSame(wrong.map((s) => s.path), [])
})

test('each policy folder has its schema, its policy and its test', async (t) => {
  const policies = join(root, 'proxy/policies')
  const missing = readdirSync(policies).filter((name) => statSync(join(policies, name)).isDirectory()).flatMap((name) =>
    ['schema.ts', `${name}.ts`, `${name}.test.ts`]
      .filter((file) => !sources.some((s) => s.path === `proxy/policies/${name}/${file}`))
      .map((file) => `${name}/${file}`))
  t.strictSame(missing, [])
})

/** Files that may touch the outside, and with what. */
const doors: readonly { readonly what: RegExp; readonly files: RegExp }[] = [
  { what: /\b(Date\.now|performance\.now|setTimeout|setInterval|setImmediate)\b/, files: /^proxy\/core\/clock\.ts$/ },
  { what: /\bMath\.random\b/, files: /^proxy\/core\/random\.ts$/ },
  { what: /\bprocess\.env\b/, files: /^proxy\/(main\.ts|seawall\.mjs|command\/environment\.ts)$/ },
  { what: /\bconsole\./, files: /^proxy\/(seawall\.mjs)$/ },
]

test('time, chance, environment and the console come in through their doors only', async (t) => {
  for (const { what, files } of doors) {
    const code = (line: string): string => line.replace(/\/\/.*$/, '').replace(/^\s*(\*|\/\*\*).*$/, '')
    const inside = proxy.filter((s) => !files.test(s.path))
    t.strictSame(breaches(inside, (line) => what.test(code(line))), [], String(what))
  }
})

test('nothing is written that the style does not have', async (t) => {
  const code = sources.filter((s) => s.path !== 'test/tidy.test.ts')
  t.strictSame(breaches(code, (line) => /^\s*export default\b/.test(line)), [], 'default exports')
  const erased = /^\s*(export )?(const )?enum\b|^\s*(export )?namespace\b/
  t.strictSame(breaches(code, (line) => erased.test(line)), [], 'enums')
  t.strictSame(breaches(proxy, (line) => /\bextends EventEmitter\b/.test(line)), [], 'emitters')
  const postponed = new RegExp(`\\b(${['TO', 'FIX', 'XX'].map((a, i) => a + ['DO', 'ME', 'X'][i]).join('|')})\\b`)
  t.strictSame(breaches(code, (line) => postponed.test(line)), [], 'postponed work')
  const vague = /(^|\/)(util|utils|helper|helpers|common|misc|index)\.(ts|mjs)$/
  t.strictSame(sources.filter((s) => vague.test(s.path)).map((s) => s.path), [], 'file names that say nothing')
})

test('no function is written straight into a field of something else', async (t) => {
  // V8's parser takes it for a method that lives long, and has it made in old space: docs/decisions/0004, rule 10.
  const written = /(?<!\bthis)\.[a-zA-Z]+ \??\??= (async )?(\([^()]*\)(: [^=]+)?|[a-z]\w*) =>/
  t.strictSame(breaches(proxy.filter((s) => !s.path.includes('/fixtures/')), (line) => written.test(line)), [])
})

test('files on the hot path say so in their first line', async (t) => {
  const hot = ['edge/accept.ts', 'edge/deliver.ts', 'pipeline/gates.ts', 'pipeline/attempts.ts', 'core/attempt.ts',
    'upstream/request-head.ts']
  for (const path of hot) {
    const source = sources.find((s) => s.path === `proxy/${path}`)
    t.match(source?.lines[0] ?? '', /^\/\/ HOT PATH/, path)
  }
})

test('the vocabulary and the code hold the same codes', async (t) => {
  const document = readFileSync(join(root, 'docs/VOCABULARY.md'), 'utf8')
  const written = [...document.matchAll(/^\| `([a-z-]+\.[a-z-]+)` \| (\d{3}) \|/gm)]
  t.strictSame(new Set(written.map(([, code]) => code)), new Set(Object.keys(codes)))
  for (const [, code, status] of written) {
    t.equal(codes[code as keyof typeof codes].status, Number(status), String(code))
  }
})

test('every decision is linked from the map', async (t) => {
  const map = readFileSync(join(root, 'docs/ARCHITECTURE.md'), 'utf8')
  t.strictSame(readdirSync(join(root, 'docs/decisions')).filter((name) => !map.includes(`decisions/${name}`)), [])
})
