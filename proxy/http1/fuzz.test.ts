// Seeded random messages through the whole reading side: however a message is split it reads the same, and whatever is
// done to its bytes, nothing throws and no byte after the end is taken.

import { test } from 'tap'
import { BodyReader } from './body-reader.ts'
import { chunkedBody, FramingFields, malformedFraming, noBody, responseFraming } from './framing.ts'
import { HeadReader } from './head-reader.ts'
import type { HeadLimits } from './head-reader.ts'
import { isStatusLine, ResponseHead } from './response-head.ts'

const limits: HeadLimits = { headBytes: 4096, startLineBytes: 256, fieldCount: 50, fieldBytes: 1024 }
const seed = Number(process.argv[2] ?? 20260727)

/** mulberry32: small, seeded, good enough to choose test inputs. */
function dice(start: number): (sides: number) => number {
  let state = start
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides
  }
}

type Roll = ReturnType<typeof dice>

/** Reads one answer in pieces; what was understood of it as text, or why not. */
function understand(bytes: Buffer, cuts: readonly number[]): string {
  const headReader = new HeadReader(limits, isStatusLine, false)
  const bodyReader = new BodyReader(limits)
  const head = new ResponseHead()
  const fields = new FramingFields()
  let body = ''
  const sink = { take: (chunk: Buffer, from: number, to: number) => { body += chunk.toString('latin1', from, to) } }
  let taken = 0
  let hasHead = false
  let start = 0
  for (const end of [...cuts, bytes.length]) {
    const piece = bytes.subarray(start, end)
    start = end
    let at = 0
    if (!hasHead) {
      at = headReader.read(piece, 0, piece.length)
      taken += at
      if (headReader.status === 'incomplete') continue
      if (headReader.status !== 'complete' || !head.parse(headReader.text, limits)) return 'malformed'
      hasHead = true
      fields.read(head.headers)
      const framing = responseFraming('GET', head.status, head.minor, fields)
      if (framing === malformedFraming) return 'malformed'
      bodyReader.begin(framing === noBody ? 0 : framing < chunkedBody ? Infinity : framing)
    }
    taken += bodyReader.read(piece, at, piece.length, sink) - at
    if (bodyReader.status === 'malformed') return `malformed`
  }
  const { status, reason, minor, headers } = head
  return JSON.stringify([hasHead, bodyReader.status, status, reason, minor, headers, body, bodyReader.trailers, taken])
}

function textOf(roll: Roll, alphabet: string, most: number): string {
  return Array.from({ length: roll(most + 1) }, () => alphabet[roll(alphabet.length)]).join('')
}

function randomAnswer(roll: Roll): string {
  const names = ['A', 'x-b', 'SET-cookie', 'Keep-Alive', 'Connection', '__proto__']
  let text = `HTTP/1.${roll(10)} ${roll(8) + 2}0${roll(10)} ${textOf(roll, 'OK \xe9\t', 5)}\r\n`
  for (let i = roll(6); i > 0; i--) {
    text += `${names[roll(names.length)]}:${textOf(roll, ' \t', 2)}${textOf(roll, 'ab,;="\\ \xff', 20)}\r\n`
  }
  const body = textOf(roll, 'body\r\n0', 40)
  if (roll(3) === 0) return `${text}Content-Length: ${body.length}\r\n\r\n${body}`
  if (roll(2) === 0) return `${text}\r\n${body}`
  text += 'Transfer-Encoding: chunked\r\n\r\n'
  for (let at = 0; at < body.length;) {
    const size = Math.min(1 + roll(12), body.length - at)
    text += `${size.toString(16)}${roll(2) ? ';a="\\";b"' : ''}\r\n${body.slice(at, at + size)}\r\n`
    at += size
  }
  return `${text}0\r\n${roll(2) ? 'X-T: y\r\n' : ''}\r\n`
}

function randomCuts(roll: Roll, length: number): number[] {
  return Array.from({ length: roll(8) }, () => roll(length + 1)).sort((a, b) => a - b)
}

function mutate(roll: Roll, text: string): string {
  const poison = '\r\n\0 \t:;,"0f-+x\x7f\xff'
  let mutated = text
  for (let i = roll(4); i >= 0; i--) {
    const at = roll(mutated.length + 1)
    const kind = roll(3)
    const inserted = kind === 0 ? '' : poison[roll(poison.length)] as string
    mutated = mutated.slice(0, at) + inserted + mutated.slice(kind === 1 ? at : at + 1)
  }
  return mutated
}

await test(`valid answers read the same however they are split, seed ${seed}`, (t) => {
  const roll = dice(seed)
  let framed = 0
  for (let round = 0; round < 3000; round++) {
    const text = randomAnswer(roll)
    const bytes = Buffer.from(`${text}SURPLUS`, 'latin1')
    const whole = understand(bytes, [])
    const cuts = randomCuts(roll, bytes.length)
    if (whole.includes('complete')) framed++
    if (understand(bytes, cuts) !== whole) t.fail(`round ${round}, cut at ${cuts.join()}: ${JSON.stringify(text)}`)
    if (whole.includes('complete') && !whole.endsWith(`,${text.length}]`) && !/ [23]04/.test(text)) {
      t.fail(`round ${round} took too much or too little: ${JSON.stringify(text)} as ${whole}`)
    }
  }
  t.ok(framed > 1000, `${framed} of them had an end`)
  t.end()
})

await test(`mutated answers never throw and read the same however they are split, seed ${seed}`, (t) => {
  const roll = dice(seed + 1)
  let refused = 0
  for (let round = 0; round < 6000; round++) {
    const text = mutate(roll, randomAnswer(roll))
    const bytes = Buffer.from(text, 'latin1')
    const whole = understand(bytes, [])
    const inPieces = understand(bytes, randomCuts(roll, bytes.length))
    if (whole === 'malformed') refused++
    // What is refused may be refused earlier when it comes in pieces; it may never be understood as two things.
    const isSame = whole === inPieces || (inPieces === 'malformed' && whole.startsWith('[false'))
      || (whole === 'malformed' && inPieces.startsWith('[false'))
    if (!isSame) t.fail(`round ${round}: ${JSON.stringify(text)} is ${whole} and ${inPieces}`)
  }
  t.ok(refused > 1000, `${refused} of them were refused`)
  t.end()
})
