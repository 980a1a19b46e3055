import { test } from 'tap'
import { allAtOnce } from '../core/steps.ts'
import type { Steps } from '../core/steps.ts'
import { LastReading } from './last-reading.ts'

function reading(files: Map<string, string>): { readonly read: () => string; made: () => number } {
  let made = 0
  const readFile = (path: string): string => {
    const text = files.get(path)
    if (text === undefined) throw new Error(`no ${path}`)
    return text
  }
  const last = new LastReading(readFile, function* make(readOne): Steps<string> {
    made++
    yield
    const text = readOne('main')
    if (!text.startsWith('+')) return text
    try {
      return text + readOne(text.slice(1))
    } catch (error) {
      return String(error)
    }
  })
  return { read: () => allAtOnce(last.read()), made: () => made }
}

test('what is read again unchanged is not made again', (t) => {
  const { read, made } = reading(new Map([['main', 'one']]))
  t.equal(read(), 'one')
  t.equal(read(), 'one')
  t.equal(made(), 1)
  t.end()
})

test('a file that it names counts like the file itself', (t) => {
  const files = new Map([['main', '+key'], ['key', '1']])
  const { read, made } = reading(files)
  t.equal(read(), '+key1')
  files.set('key', '2')
  t.equal(read(), '+key2')
  files.delete('key')
  t.equal(read(), 'Error: no key')
  t.equal(made(), 3)
  t.end()
})

test('what could not be read is tried anew each time', (t) => {
  const files = new Map([['main', '+key']])
  const { read } = reading(files)
  t.equal(read(), 'Error: no key')
  files.set('key', '1')
  t.equal(read(), '+key1')
  t.end()
})
