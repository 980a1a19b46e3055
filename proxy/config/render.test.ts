import { test } from 'tap'
import { faultAt, faultWithoutPlace } from './fault.ts'
import { headline, renderFaults } from './render.ts'
import { Source } from './source.ts'

const finding = { code: 'config.type', message: 'a.b', expected: 'x', got: 'y', fix: 'write x' } as const
const plain = { colours: false }

test('colours are used only when asked for', async (t) => {
  const source = new Source('f', '{ "a": 1 }')
  const faults = [faultAt(source, { offset: 7, length: 1 }, finding)]
  t.notMatch(renderFaults(faults, source, plain), '\u001B')
  t.match(renderFaults(faults, source, { colours: true }), '\u001B[31m')
})

test('tabs before the place stay tabs, and line ends of either kind are none', async (t) => {
  const source = new Source('f', '{\r\n\t\t"a": 1\r\n}')
  const text = renderFaults([faultAt(source, { offset: 10, length: 1 }, finding)], source, plain)
  t.match(text, 'f:2:8  config.type  a.b, expected x, got y\n')
  t.match(text, '> 2 | \t\t"a": 1\n    | \t\t     ^\n')
})

test('control characters of a file never reach the terminal', async (t) => {
  const source = new Source('f', '{ "a\u001B[31m": 1 }')
  t.notMatch(renderFaults([faultAt(source, { offset: 2, length: 1 }, finding)], source, plain), '\u001B')
})

test('secrets written in plain are masked in the lines around a fault, references are not', async (t) => {
  const source = new Source('f', [
    '"token": "plain text", "name": "shown"', '"x": 1, "password": "${A}${file:/b}"', '"secret": "${A:-plain}"',
  ].join('\n'))
  const text = renderFaults([faultAt(source, { offset: source.startOf(2), length: 3 }, finding)], source, plain)
  t.notMatch(text, 'plain')
  t.match(text, '"shown"')
  t.match(text, '"${A}${file:/b}"')
})

test('a long line is cut around the place', async (t) => {
  const source = new Source('f', `${' '.repeat(5000)}"here"${' '.repeat(5000)}`)
  const text = renderFaults([faultAt(source, { offset: 5000, length: 6 }, finding)], source, plain)
  t.match(text, '"here"')
  t.match(text, '^^^^^^')
  t.ok(text.length < 500, `${text.length} characters`)
})

test('a fault without a place is one line and its fix', async (t) => {
  const fault = faultWithoutPlace('--listen', finding)
  t.equal(headline(fault), '--listen  config.type  a.b, expected x, got y')
  t.equal(renderFaults([fault], null, plain),
    '--listen  config.type  a.b, expected x, got y\n  fix: write x\n\n1 error, 0 warnings\n')
})

test('a thousand faults are counted and the first fifty shown', async (t) => {
  const text = renderFaults(Array.from({ length: 1000 }, () => faultWithoutPlace('f', finding)), null, plain)
  t.match(text, '1000 errors, 0 warnings, the first 50 shown')
  t.equal(text.match(/fix:/g)?.length, 50)
})
