// An answer as bytes, for stores outside this process: version, checksum, fields, body; sealed when there is a key.
// What cannot be read is said to be so, and never taken for absent: that would execute the work again.

import { crc32 } from 'node:zlib'
import type { BodyGap, RecordKey, StoredAnswer, StoreFault } from '../core/record-store.ts'
import { ByteReader, ByteWriter, CutShort, textLength } from './byte-writer.ts'
import { seal, unseal } from './sealing.ts'
import type { SealKeys } from './sealing.ts'
import { storeFault } from './store-fault.ts'

/** Of the bytes below; a reader that meets a higher one must not guess. */
const answerVersion = 1

const plain = 0
const sealed = 1

const gaps: readonly (BodyGap | null)[] = [null, 'too-large', 'evicted', 'unseen']

/**
 *     version 1 │ form 1 │ plain: crc 4, fields │ sealed: key id 8, nonce 12, tag 16, fields enciphered
 */
export function encodeAnswer(key: RecordKey, answer: StoredAnswer, keys: SealKeys | null): Buffer {
  const bytes = encodeFields(answer, keys === null ? 6 : 2)
  bytes.writeUInt8(answerVersion, 0)
  bytes.writeUInt8(keys === null ? plain : sealed, 1)
  if (keys !== null) return Buffer.concat([bytes.subarray(0, 2), seal(keys, key, bytes.subarray(2))])
  bytes.writeUInt32BE(crc32(bytes.subarray(6)), 2)
  return bytes
}

/** The body is a view of `bytes`, which must not change any more. */
export function decodeAnswer(key: RecordKey, bytes: Buffer, keys: SealKeys | null): StoredAnswer | StoreFault {
  if (bytes.length < 6) return corrupt('it is shorter than its head')
  if (bytes[0] !== answerVersion) {
    const versions = `version ${answerVersion} expected, ${bytes[0]} got`
    return storeFault('future-version', `Cannot read a stored answer: ${versions}`)
  }
  let fields = bytes
  let at = 6
  if (bytes[1] === sealed) {
    const opened = unseal(keys, key, bytes.subarray(2))
    if (!(opened instanceof Uint8Array)) return opened
    fields = opened
    at = 0
  } else if (bytes[1] !== plain || bytes.readUInt32BE(2) !== crc32(bytes.subarray(6))) {
    return corrupt('its checksum does not fit')
  }
  try {
    return decodeFields(new ByteReader(fields, at))
  } catch (error) {
    if (!(error instanceof CutShort)) throw error
    return corrupt('it ends early')
  }
}

function corrupt(seen: string): StoreFault {
  return storeFault('corrupt', `Cannot read a stored answer: ${seen}`)
}

function encodeFields(answer: StoredAnswer, offset: number): Buffer {
  const { statusText, headers, body, trailers, gap } = answer
  const length = offset + 4 + textLength(statusText) + listLength(headers) + listLength(trailers ?? [])
    + (body?.length ?? 0)
  const writer = new ByteWriter(length)
  for (let i = 0; i < offset; i++) writer.byte(0)
  writer.short(answer.status)
  writer.byte(gaps.indexOf(gap))
  // Whether there were trailers at all; an empty list is not none.
  writer.byte((body === null ? 0 : 1) | (trailers === null ? 0 : 2))
  writer.text(statusText)
  writeList(writer, headers)
  writeList(writer, trailers ?? [])
  if (body !== null) writer.raw(body)
  return writer.bytes
}

function decodeFields(reader: ByteReader): StoredAnswer {
  const status = reader.short()
  const gap = gaps[reader.byte()] ?? null
  const has = reader.byte()
  const statusText = reader.text()
  const headers = readList(reader)
  const trailers = readList(reader)
  return {
    status, statusText, headers, gap,
    body: (has & 1) === 1 ? reader.rest() : null,
    trailers: (has & 2) === 2 ? trailers : null,
  }
}

function listLength(list: readonly string[]): number {
  let length = 4
  for (const text of list) length += textLength(text)
  return length
}

function writeList(writer: ByteWriter, list: readonly string[]): void {
  writer.word(list.length)
  for (const text of list) writer.text(text)
}

function readList(reader: ByteReader): string[] {
  const count = reader.word()
  const list: string[] = []
  for (let i = 0; i < count; i++) list.push(reader.text())
  return list
}
