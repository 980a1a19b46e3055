import { test } from 'tap'
import { interpolate } from './interpolate.ts'
import type { Variables } from './interpolate.ts'

const variables: Variables = {
  env: { NAME: 'value', EMPTY: '', NESTED: '${NAME}' },
  readFile: (path) => {
    if (path === '/run/secret') return 's3cret\n'
    if (path === '/run/long') return 'x'.repeat(65_537)
    throw new Error('there is no such file')
  },
}

test('names, defaults and files are replaced, and where they came from is said', async (t) => {
  t.match(interpolate('a ${NAME} b', variables), { text: 'a value b', origins: ['env NAME'], problems: [] })
  t.match(interpolate('${ABSENT:-fall}', variables), { text: 'fall', origins: [], problems: [] })
  t.match(interpolate('${EMPTY:-fall}', variables), { text: 'fall', origins: [] })
  t.match(interpolate('${EMPTY}', variables), { text: '', origins: ['env EMPTY'] })
  t.match(interpolate('${ABSENT:-}', variables), { text: '', problems: [] })
  t.match(interpolate('${file:/run/secret}', variables), { text: 's3cret', origins: ['file /run/secret'] })
  t.match(interpolate('${NAME}-${file:/run/secret}', variables), {
    text: 'value-s3cret', origins: ['env NAME', 'file /run/secret'],
  })
})

test('what a variable brings is not looked through again', async (t) => {
  t.equal(interpolate('${NESTED}', variables).text, '${NAME}')
})

test('a doubled dollar is the text itself, and a lone one is nothing special', async (t) => {
  t.match(interpolate('$${NAME} costs $5', variables), { text: '${NAME} costs $5', origins: [], problems: [] })
})

test('what cannot be resolved is told for each expression', async (t) => {
  const { problems } = interpolate('${ABSENT} ${file:/nowhere} ${a b} ${} ${file:/run/long} ${OPEN', variables)
  t.strictSame(problems.map(({ code, expression }) => [code, expression]), [
    ['config.unresolved-variable', '${ABSENT}'],
    ['config.unreadable-file', '${file:/nowhere}'],
    ['config.variable-syntax', '${a b}'],
    ['config.variable-syntax', '${}'],
    ['config.unreadable-file', '${file:/run/long}'],
    ['config.variable-syntax', '${OPEN'],
  ])
})

test('names of the object prototype are no variables', async (t) => {
  t.equal(interpolate('${toString}', variables).problems[0]?.code, 'config.unresolved-variable')
})
