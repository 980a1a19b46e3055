import { test } from 'tap'
import { LastReading } from './last-reading.ts'

function reading(files: Map<string, string>): { readonly last: LastReading<string>; made: () => number } {
  let made = 0
  const read = (path: string): string => {
    const text = files.get(path)
    if (text === undefined) throw new Error(`no ${path}`)
    return text
  }
  const last = new LastReading(read, (readFile) => {
    made++
    const text = readFile('main')
    if (!text.startsWith('+')) return text
    try {
      return text + readFile(text.slice(1))
    } catch (error) {
      return String(error)
    }
  })
  return { last, made: () => made }
}

test('what is read again unchanged is not made again', (t) => {
  const { last, made } = reading(new Map([['main', 'one']]))
  t.equal(last.read(), 'one')
  t.equal(last.read(), 'one')
  t.equal(made(), 1)
  t.end()
})

test('a file that it names counts like the file itself', (t) => {
  const files = new Map([['main', '+key'], ['key', '1']])
  const { last, made } = reading(files)
  t.equal(last.read(), '+key1')
  files.set('key', '2')
  t.equal(last.read(), '+key2')
  files.delete('key')
  t.equal(last.read(), 'Error: no key')
  t.equal(made(), 3)
  t.end()
})

test('what could not be read is tried anew each time', (t) => {
  const files = new Map([['main', '+key']])
  const { last } = reading(files)
  t.equal(last.read(), 'Error: no key')
  files.set('key', '1')
  t.equal(last.read(), '+key1')
  t.end()
})
