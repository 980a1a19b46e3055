// Keys as bytes on the wire: what a caller may write, and everything that is refused before anything is sent. What the
// edge itself takes for no field is refused there.

import { test } from 'tap'
import { keyedBefore } from '../support/keyed-service.ts'
import { RawClient } from '../support/raw-client.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { startSeawall } from '../support/seawall.ts'

const charged = 'HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}'
const long = 'k'.repeat(256)

/** Lines of the key as they go over the wire, by what is wrong with them, and the code of their answer. */
const bad: Readonly<Record<string, readonly [lines: string, code: string]>> = {
  'none at all': ['', 'idempotency.key-missing'],
  'an empty one': ['idempotency-key:\r\n', 'idempotency.key-invalid'],
  'only spaces': ['idempotency-key:   \t \r\n', 'idempotency.key-invalid'],
  'an empty string': ['idempotency-key: ""\r\n', 'idempotency.key-invalid'],
  '256 characters': [`idempotency-key: ${long}\r\n`, 'idempotency.key-invalid'],
  '256 characters in quotes': [`idempotency-key: "${long}"\r\n`, 'idempotency.key-invalid'],
  'two lines': ['idempotency-key: k\r\nidempotency-key: k\r\n', 'idempotency.key-invalid'],
  'two lines in two spellings': ['Idempotency-Key: k\r\nIDEMPOTENCY-KEY: k2\r\n', 'idempotency.key-invalid'],
  'a list': ['idempotency-key: a, b\r\n', 'idempotency.key-invalid'],
  'a list without spaces': ['idempotency-key: a,b\r\n', 'idempotency.key-invalid'],
  'a list of strings': ['idempotency-key: "a", "b"\r\n', 'idempotency.key-invalid'],
  'a string that is not closed': ['idempotency-key: "k\r\n', 'idempotency.key-invalid'],
  'a string that is not opened': ['idempotency-key: k"\r\n', 'idempotency.key-invalid'],
  'an escape of nothing': ['idempotency-key: "a\\b"\r\n', 'idempotency.key-invalid'],
  'a string that ends in an escape': ['idempotency-key: "k\\"\r\n', 'idempotency.key-invalid'],
  'parameters': ['idempotency-key: "k";p=1\r\n', 'idempotency.key-invalid'],
  'bare parameters': ['idempotency-key: k;p=1\r\n', 'idempotency.key-invalid'],
  'two words': ['idempotency-key: a b\r\n', 'idempotency.key-invalid'],
  'a tab within': ['idempotency-key: "a\tb"\r\n', 'idempotency.key-invalid'],
  'latin1': ['idempotency-key: caf\xe9\r\n', 'idempotency.key-invalid'],
  'latin1 in quotes': ['idempotency-key: "caf\xe9"\r\n', 'idempotency.key-invalid'],
  'UTF-8': ['idempotency-key: "caf\xc3\xa9"\r\n', 'idempotency.key-invalid'],
  'a byte order mark': ['idempotency-key: \xef\xbb\xbfk\r\n', 'idempotency.key-invalid'],
  'byte sequences': ['idempotency-key: :aGVsbG8=: x\r\n', 'idempotency.key-invalid'],
  'a zero byte': ['idempotency-key: a\0b\r\n', 'request.malformed'],
  'a control character': ['idempotency-key: a\x01b\r\n', 'request.malformed'],
  'a delete character': ['idempotency-key: a\x7fb\r\n', 'request.malformed'],
  'a line that is folded': ['idempotency-key: a\r\n b\r\n', 'request.malformed'],
  'a bare line feed': ['idempotency-key: a\nb\r\n', 'request.malformed'],
  'a space before the colon': ['idempotency-key : k\r\n', 'request.malformed'],
}

/** Two spellings of each of these are one key. */
const good: readonly (readonly [first: string, again: string])[] = [
  ['k', '"k"'], ['k'.repeat(255), `"${'k'.repeat(255)}"`], ['order:1/2?x=[3]', '  "order:1/2?x=[3]"\t'],
  ['"a, b"', '"a, b"'], ['"say \\"k\\" \\\\"', '"say \\"k\\" \\\\"'], ['8e03978e-40d5-43dd-bc93-6894a57f9324',
    '"8e03978e-40d5-43dd-bc93-6894a57f9324"'],
]

test('case 9: whatever is no key is refused with its code, byte by byte, and nothing is sent', async (t) => {
  const origin = await rawOrigin(t, () => charged)
  const before = keyedBefore({ url: origin.url } as never, './records', { idempotency: { required: true } })
  const seawall = await startSeawall(t, before)
  const post = async (lines: string): Promise<string> => {
    const client = new RawClient(seawall.ports['public'] as number)
    t.teardown(() => { client.destroy() })
    return await client.write(`POST /charge HTTP/1.1\r\nhost: a\r\n${lines}content-length: 1\r\n\r\n1`).answer()
  }
  for (const [what, [lines, code]] of Object.entries(bad)) {
    const answer = await post(lines)
    t.match(answer, /^HTTP\/1\.1 400 /, what)
    t.match(answer, `"code":"${code}"`, what)
    if (code.startsWith('idempotency.')) t.match(answer, /\r\nidempotency-status: not-processed\r\n/i, what)
  }
  t.equal(origin.received.length, 0)
  for (const [i, [first, again]] of good.entries()) {
    t.match(await post(`idempotency-key: ${first}\r\n`), /^HTTP\/1\.1 201 /, first)
    t.match(await post(`Idempotency-Key: ${again}\r\n`), /idempotency-replayed: true/i, again)
    t.equal(origin.received.length, i + 1, again)
  }
})
