// Requests that are almost right: seeded, from templates of good ones, by what attacks on framing are made of and by
// plain damage. It does not know what becomes of them.

import type { Random } from '../../proxy/core/random.ts'

const codings = ['chunked', 'Chunked', 'identity', 'gzip, chunked', 'chunked, identity', 'chunked;a=b', ',chunked',
  'xchunked',
  ' chunked', '\tchunked', 'chunked\t', '\x0bchunked', 'chunked, chunked', '"chunked"', 'chunked\0', '']
const lengths = ['0', '1', '5', '05', '+5', '-1', '0x5', '5,5', '5, 6', '5 ', '5\t', '5\x0b', '1e1', '5.0',
  '99999999999999999999', '']
const separators = [': ', ':', ' : ', ':\t', ' :', '\t:', '\0:', ':\r\n ', ':\x0b', '=']
const lineEnds = ['\n', '\r', '\r\n\r\n', '\r\n ', '\n\r', '\r\r\n', '\0\r\n', '\r\n\t', '']
const chunkSizes = ['5', '05', '5;a=b', '5;"\r\n"', '5;"x"', '5 ', ' 5', '0x5', '+5', '5\n', '-5', 'fffffffffffffffff',
  '5\t', '5;\0',
  '5_', '4', '6', '0', '00', 'A', 'a']
const targets = ['/', '/a?b', '*', 'http://a.test/x', 'http://b.test/', '//a', '/a b', '/a#b', '/\x80', 'a.test:80',
  '/a\tb',
  'HTTP://A.test:80?q', '/%00', 'http://a.test@b/']
const versions = ['1.1', '1.0', '1.2', '2.0', '0.9', '1.10', '1', '1.1 ']
const methods = ['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'get', 'BREW', 'CONNECT', 'TRACE', 'G T', 'PRI',
  'P\0ST']
const fields = ['Connection: close', 'Connection: keep-alive', 'Connection: content-length', 'Connection: x-f1, x-f2',
  'Connection: transfer-encoding', 'Host: b.test', 'Keep-Alive: 5', 'Upgrade: h2c', 'Content_Length: 9', 'X-F1: 1',
    'X-F2:', 'x-f3 : 3',
  ' X-F4: 4', 'X-F5: \xff', 'X-F6: a\rb', 'X-F7: a\nb', 'Content-Length\xa0: 5', 'TE: trailers', 'Trailer: X-F9']
const poison = '\r\n\0 \t:;,"0159f-+x\x7f\xffA/'

/** The bytes of one connection: one to three requests, most of them damaged somewhere. */
export function mutated(random: Random): string {
  const roll = (sides: number): number => Math.floor(random() * sides)
  const one = <T>(of: readonly T[]): T => of[roll(of.length)] as T
  const count = roll(4) === 0 ? 2 + roll(2) : 1
  let text = Array.from({ length: count }, () => request(roll, one)).join('')
  for (let i = roll(2); i > 0; i--) text = damaged(text, roll)
  return roll(20) === 0 ? text.slice(0, roll(text.length + 1)) : text
}

type Roll = (sides: number) => number
type One = <T>(of: readonly T[]) => T

/** Each part is mostly right, or nothing would get further than the first line. */
function request(roll: Roll, one: One): string {
  const rarely = <T>(usual: T, else_: readonly T[]): T => roll(30) === 0 ? one(else_) : usual
  const kind = roll(3)
  const lines =
    [`${rarely(one(['GET', 'POST', 'PUT']), methods)} ${rarely('/x', targets)} HTTP/${rarely('1.1', versions)}`,
    `Host${rarely(': ', separators)}${rarely('a.test', ['', 'a b', 'b.test', 'a.test:80', '[::1]', 'a/b', 'a,b'])}`]
  for (let i = roll(2); i > 0; i--) lines.splice(1 + roll(lines.length), 0, one(fields))
  const length = `Content-Length${rarely(': ', separators)}${rarely('5', lengths)}`
  const coding = `Transfer-Encoding${rarely(': ', separators)}${rarely('chunked', codings)}`
  if (kind === 1 || roll(30) === 0) lines.splice(1 + roll(lines.length), 0, length)
  if (kind === 2 || roll(30) === 0) lines.splice(1 + roll(lines.length), 0, coding)
  if (roll(30) === 0) lines.splice(1 + roll(lines.length), 0, kind === 2 ? coding : length)
  const head = lines.map((line) => line + rarely('\r\n', lineEnds)).join('')
  return `${head}${rarely('\r\n', lineEnds)}${kind === 0 ? '' : kind === 1 ? 'hello' : chunks(roll, one)}`
}

function chunks(roll: Roll, one: One): string {
  const rarely = (usual: string, else_: readonly string[]): string => roll(20) === 0 ? one(else_) : usual
  let text = ''
  for (let i = 1 + roll(2); i > 0; i--) text +=
    `${rarely('5', chunkSizes)}${rarely('\r\n', lineEnds)}hello${rarely('\r\n', lineEnds)}`
  const trailers = roll(4) === 0 ? rarely('X-F9: t\r\n', ['Content-Length: 5\r\n', 'X : 1\r\n', ' x\r\n', 'X\r\n',
    'Host: b\r\n']) : ''
  return `${text}${rarely('0', ['00', '0;x', '0x0', '-0', ''])}\r\n${trailers}${rarely('\r\n', lineEnds)}`
}

/** A byte more, less, or another one; or a piece of it twice. */
function damaged(text: string, roll: Roll): string {
  const at = roll(text.length + 1)
  const byte = poison[roll(poison.length)] as string
  switch (roll(5)) {
    case 0: return text.slice(0, at) + byte + text.slice(at)
    case 1: return text.slice(0, at) + text.slice(at + 1)
    case 2: return text.slice(0, at) + byte + text.slice(at + 1)
    case 3: return text.slice(0, at) + text.slice(at, at + roll(30)) + text.slice(at)
    default: return text.slice(0, at) + String.fromCharCode(roll(256)) + text.slice(at)
  }
}
