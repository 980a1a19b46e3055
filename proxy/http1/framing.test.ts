// Framing of requests and answers as a table: what is taken, and everything known readers disagree about is refused.

import { test } from 'tap'
import {
  bodyUntilClose, chunkedBody, FramingFields, isPersistent, malformedFraming, noBody, requestFraming, responseFraming,
  unknownCoding,
} from './framing.ts'

function fieldsOf(...headers: string[]): FramingFields {
  const fields = new FramingFields()
  // Whatever an earlier head said must not stay.
  fields.read(['Content-Length', '9', 'Transfer-Encoding', 'x', 'Connection', 'close', 'Keep-Alive', 'timeout=9'])
  fields.read(headers)
  return fields
}

const length = 'Content-Length'
const coding = 'Transfer-Encoding'

await test('requests are framed by exactly one length, exactly chunked, or not at all', (t) => {
  const table: [string[], number][] = [
    [[], noBody],
    [['Content-Length-X', '5'], noBody],
    [[length, '0'], 0],
    [[length, '5'], 5],
    [[length, '0005'], 5],
    [[length, '9007199254740991'], Number.MAX_SAFE_INTEGER],
    [[length, `${'0'.repeat(30)}7`], 7],
    [[coding, 'chunked'], chunkedBody],
    [['transfer-ENCODING', 'CHUNKED'], chunkedBody],
    [[coding, 'gzip'], unknownCoding],
    [[coding, 'identity'], unknownCoding],
    [[length, '5', length, '5'], malformedFraming],
    [[length, '5', coding, 'chunked'], malformedFraming],
    [[coding, 'chunked', coding, 'chunked'], malformedFraming],
  ]
  const noLengths = ['', '+5', '-5', '0x5', '5_0', '5.0', '5e1', '5 5', '5, 5', '5,', '9007199254740992', '\xb2']
  for (const value of [...noLengths, '1'.repeat(40)]) table.push([[length, value], malformedFraming])
  const noCodings = ['', ',chunked', 'chunked,', 'gzip, chunked', 'chunked, gzip', 'chunked;a=b', 'chunked chunked']
  for (const value of [...noCodings, '"chunked"']) table.push([[coding, value], malformedFraming])
  for (const [headers, expected] of table) {
    t.equal(requestFraming(1, fieldsOf(...headers)), expected, JSON.stringify(headers))
  }
  t.equal(requestFraming(0, fieldsOf(coding, 'chunked')), malformedFraming, 'HTTP/1.0')
  t.end()
})

await test('answers are framed by rule, then coding, then length, then the end of the connection', (t) => {
  const table: [string, number, string[], number][] = [
    ['GET', 200, [], bodyUntilClose],
    ['GET', 200, [length, '5'], 5],
    ['GET', 200, [length, '5', 'content-length', '5'], 5],
    ['GET', 200, [length, '5', length, '6'], malformedFraming],
    ['GET', 200, [length, '5', length, 'x'], malformedFraming],
    ['GET', 200, [coding, 'Chunked'], chunkedBody],
    ['GET', 200, [coding, 'gzip'], malformedFraming],
    ['GET', 200, [coding, 'gzip, chunked'], malformedFraming],
    ['GET', 200, [coding, 'chunked', length, '5'], malformedFraming],
    ['HEAD', 200, [length, '5'], noBody],
    ['HEAD', 200, [coding, 'chunked'], noBody],
    ['HEAD', 200, [length, 'x'], malformedFraming],
    ['GET', 304, [length, '5'], noBody],
    ['GET', 204, [], noBody],
    ['GET', 103, [], noBody],
    ['head', 200, [], bodyUntilClose],
  ]
  for (const [method, status, headers, expected] of table) {
    const what = JSON.stringify([method, status, headers])
    t.equal(responseFraming(method, status, 1, fieldsOf(...headers)), expected, what)
  }
  t.equal(responseFraming('GET', 200, 0, fieldsOf(coding, 'chunked')), malformedFraming, 'HTTP/1.0')
  t.end()
})

await test('a connection goes on by version and options', (t) => {
  const table: [0 | 1, string[], boolean][] = [
    [1, [], true], [0, [], false], [1, ['Connection', 'close'], false], [1, ['Connection', 'a ,\tCLOSE'], false],
    [1, ['connection', 'x', 'Connection', 'close'], false], [0, ['Connection', 'Keep-Alive'], true],
    [0, ['Connection', 'x, keep-alive'], true], [0, ['Connection', 'keep-alive, close'], false],
    [1, ['Connection', 'closed'], true],
  ]
  for (const [minor, headers, expected] of table) t.equal(isPersistent(minor, fieldsOf(...headers)), expected)
  t.end()
})

await test('the announced idle time is read where it is one', (t) => {
  const table: [string, number][] = [
    ['timeout=5', 5], ['max=3, timeout=15', 15], ['TIMEOUT="7"', 7], ['timeout=', -1], ['xtimeout=5', -1], ['', -1],
    ['timeout=-5', -1],
  ]
  for (const [value, expected] of table) t.equal(fieldsOf('Keep-Alive', value).keepAliveS, expected, value)
  t.equal(fieldsOf().keepAliveS, -1)
  t.end()
})
