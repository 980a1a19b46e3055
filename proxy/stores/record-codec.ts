// A whole record as bytes, for lmdb: version, checksum, what decides, and the answer as a blob of its own that only a
// replay has to open.

import { crc32 } from 'node:zlib'
import type { HeldRecord, Stage } from '../algorithms/idempotency-record.ts'
import type { DoubtReason, StoreFault } from '../core/record-store.ts'
import { ByteReader, ByteWriter, CutShort, textLength } from './byte-writer.ts'
import { storeFault } from './store-fault.ts'

/** Of the bytes below; a reader that meets a higher one must not guess. */
const recordVersion = 1
const mark = 0x53

const stages: readonly Stage<never>['kind'][] = ['in-flight', 'unknown', 'done']
const reasons: readonly DoubtReason[] = ['timeout', 'reset', 'truncated', 'shutdown', 'owner-lost']

const headLength = 6
const numbersLength = 1 + 1 + 4 + 8 + 8 + 8

/**
 *     'S' 1 │ version 1 │ crc 4 │ stage 1 │ reason 1 │ generation 4
 *     created, expires, finished 8 each │ token, owner, fingerprint, credential │ answer
 */
export function encodeRecord(record: HeldRecord<Buffer>): Buffer {
  const { stage, token, owner, fingerprint, credential } = record
  const answer = stage.kind === 'done' ? stage.answer : null
  const writer = new ByteWriter(headLength + numbersLength + textLength(token) + textLength(owner)
    + textLength(fingerprint) + textLength(credential) + (answer?.length ?? 0))
  writer.byte(mark)
  writer.byte(recordVersion)
  writer.word(0)
  writer.byte(stages.indexOf(stage.kind))
  writer.byte(stage.kind === 'unknown' ? reasons.indexOf(stage.reason) : 0)
  writer.word(record.generation)
  writer.number(record.createdAtMs)
  writer.number(record.expiresAtMs)
  writer.number(stage.kind === 'done' ? stage.finishedAtMs : 0)
  writer.text(token)
  writer.text(owner)
  writer.text(fingerprint)
  writer.text(credential)
  if (answer !== null) writer.raw(answer)
  writer.bytes.writeUInt32BE(crc32(writer.bytes.subarray(headLength)), 2)
  return writer.bytes
}

/** An answer is a view of `bytes`, which must not change any more. */
export function decodeRecord(bytes: Buffer): HeldRecord<Buffer> | StoreFault {
  if (bytes.length < headLength || bytes[0] !== mark) return corrupt('it does not begin as one')
  if (bytes[1] !== recordVersion) {
    return storeFault('future-version', `Cannot read a record: version ${recordVersion} expected, ${bytes[1]} got`)
  }
  if (bytes.readUInt32BE(2) !== crc32(bytes.subarray(headLength))) return corrupt('its checksum does not fit')
  try {
    return decodeFields(new ByteReader(bytes, headLength))
  } catch (error) {
    if (!(error instanceof CutShort)) throw error
    return corrupt('it ends early')
  }
}

export function isFault(value: object): value is StoreFault {
  return 'kind' in value && value.kind === 'fault'
}

function corrupt(seen: string): StoreFault {
  return storeFault('corrupt', `Cannot read a record: ${seen}`)
}

function decodeFields(reader: ByteReader): HeldRecord<Buffer> | StoreFault {
  const kind = stages[reader.byte()]
  const reason = reasons[reader.byte()]
  const generation = reader.word()
  const createdAtMs = reader.number()
  const expiresAtMs = reader.number()
  const finishedAtMs = reader.number()
  const facts = {
    token: reader.text(), owner: reader.text(), fingerprint: reader.text(), credential: reader.text(),
    generation, createdAtMs, expiresAtMs,
  }
  switch (kind) {
    case 'in-flight': return { ...facts, stage: { kind } }
    case 'done': return { ...facts, stage: { kind, answer: reader.rest(), finishedAtMs } }
    case 'unknown':
      return reason === undefined ? corrupt('its reason is none of ours') : { ...facts, stage: { kind, reason } }
    case undefined: break
  }
  return corrupt('its stage is none of ours')
}
