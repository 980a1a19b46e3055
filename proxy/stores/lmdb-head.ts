// The head of the embedded database's file: which of its transactions counts. Two of them take turns, and a third is
// kept by the database itself where it flushes. Read and put back as bytes, so that a moment that is known to be on the
// disk can be returned to. It knows their place and their number, and nothing else of what they say.
//
//     page 0: header 24 │ head (even numbers) │ half a page on: header 24 │ head (flushed)
//     page 1: header 24 │ head (odd numbers)

import { fsyncSync, readSync, writeSync } from 'node:fs'

export interface Head { readonly number: number; readonly bytes: Buffer }

const headerLength = 24
const headLength = 144
const magic = 0xBEEFC0DE

const pageSizeAt = 24
const flagsAt = 28
const numberAt = 128
/** In the flags: made by a transaction that was not flushed when it was written. */
const unflushed = 0x1000

/** The latest head of an open file, or null: its form is none that is known here. */
export function latestHead(descriptor: number): Head | null {
  const size = pageSizeOf(descriptor)
  const [even, odd] = [headAt(descriptor, 0), headAt(descriptor, size)]
  return even === null || odd === null || size < 1024 ? null : later(even, odd)
}

/** What the database itself says was flushed; null: nothing. */
export function flushedHead(descriptor: number): Head | null {
  const head = headAt(descriptor, pageSizeOf(descriptor) / 2)
  return head === null || head.number === 0 ? null : head
}

export function later(a: Head, b: Head): Head { return a.number >= b.number ? a : b }

/** Makes that moment the latest one. Nobody may have the file open. */
export function putBack(descriptor: number, head: Head): void {
  const size = head.bytes.readUInt32LE(pageSizeAt)
  for (const number of [head.number, head.number - 1]) {
    const bytes = Buffer.from(head.bytes)
    bytes.writeUInt16LE(bytes.readUInt16LE(flagsAt) & ~unflushed, flagsAt)
    bytes.writeBigUInt64LE(BigInt(number), numberAt)
    writeSync(descriptor, bytes, 0, headLength, (number % 2) * size + headerLength)
  }
  fsyncSync(descriptor)
}

/** A head from its bytes, as `bytes` of another gave them; null: they are not one. */
export function headOf(bytes: Buffer): Head | null {
  if (bytes.length !== headLength || bytes.readUInt32LE(0) !== magic) return null
  return { number: Number(bytes.readBigUInt64LE(numberAt)), bytes }
}

function headAt(descriptor: number, page: number): Head | null {
  const bytes = Buffer.alloc(headLength)
  const read = readSync(descriptor, bytes, 0, headLength, page + headerLength)
  return read === headLength ? headOf(bytes) : null
}

function pageSizeOf(descriptor: number): number { return headAt(descriptor, 0)?.bytes.readUInt32LE(pageSizeAt) ?? 0 }
