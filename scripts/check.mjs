// `npm test`: types, lint, then every test, and one closing line `N passed, N failed` with the counts of the test
// runner. A step that fails counts as one failure and does not hide the steps behind it.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const long = process.argv.includes('--long')
const filters = process.argv.slice(2).filter((argument) => argument !== '--long')

const files = filters.length > 0 ? filters : [
  'proxy/**/*.test.ts', 'sample-service/**/*.test.ts', 'provider-sim/**/*.test.ts', 'bench/**/*.test.ts',
  'scripts/**/*.test.ts', 'test/*.test.ts', 'test/support/**/*.test.ts', 'test/sim/**/*.test.ts',
  'test/conformance/**/*.test.ts', 'test/e2e/**/*.test.ts',
  ...(long ? ['test/long/**/*.test.ts'] : []),
]

let passed = 0
let failed = 0

await step('types', ['tsc', '-p', '.'])
await step('lint', ['oxlint', '--type-aware', '--deny-warnings'])
await tests()
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0

/** A tool that is silent or says why not. */
async function step(name, [command, ...args]) {
  const code = await run(command, args, (line) => console.log(`  ${line}`))
  if (code === 0) passed++
  else failed++
  console.log(`${code === 0 ? 'ok' : 'not ok'} - ${name}`)
}

/** The test runner's own output, a line a file, and all of what failed. */
async function tests() {
  let counts = null
  let detail = null
  const options = ['run', '--reporter=tap', `--timeout=${long ? 600 : 60}`]
  const code = await run('tap', [...options, ...files], (line) => {
    const total = /^# \{ total: \d+(?:, pass: (\d+))?(?:, fail: (\d+))?/.exec(line)
    if (total !== null) counts = { passed: Number(total[1] ?? 0), failed: Number(total[2] ?? 0) }
    const indent = line.length - line.trimStart().length
    if (detail !== null) {
      if (indent > detail || line.trim() === '') return console.log(line)
      detail = null
    }
    if (/^\s*not ok\b/.test(line)) {
      detail = indent
      console.log(line)
    } else if (/^ok\b/.test(line) || /# SKIP/.test(line)) console.log(line.replace(/^ok \d+ - /, 'ok - '))
  })
  if (counts === null) {
    console.log(`not ok - the test runner ended with code ${code} and gave no counts`)
    failed++
    return
  }
  passed += counts.passed
  failed += counts.failed
  // A file that crashed after its last assertion has no failed assertion to show for it.
  if (code !== 0 && counts.failed === 0) failed++
}

function run(command, args, onLine) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', SEAWALL_TESTS: long ? 'long' : 'short' },
    })
    createInterface({ input: child.stdout }).on('line', onLine)
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (!line.startsWith('npm warn')) onLine(line)
    })
    child.on('error', (error) => {
      console.log(`  cannot start ${command}: ${error.message}`)
      resolve(127)
    })
    child.on('close', (code) => resolve(code ?? 1))
  })
}
