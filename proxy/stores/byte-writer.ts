// Writing and reading the fields of a record as bytes: big endian, texts with their length before them. A reader that
// runs over the end says so by throwing CutShort, which the codecs turn into a fault.

/** The bytes end before the record does. */
export class CutShort extends Error {}

export class ByteWriter {
  readonly bytes: Buffer
  #at = 0

  /** `length` is what will be written, exactly. */
  constructor(length: number) { this.bytes = Buffer.allocUnsafe(length) }

  get position(): number { return this.#at }

  byte(value: number): void { this.#at = this.bytes.writeUInt8(value, this.#at) }
  short(value: number): void { this.#at = this.bytes.writeUInt16BE(value, this.#at) }
  word(value: number): void { this.#at = this.bytes.writeUInt32BE(value, this.#at) }
  number(value: number): void { this.#at = this.bytes.writeDoubleBE(value, this.#at) }
  raw(value: Uint8Array): void { this.bytes.set(value, this.#at); this.#at += value.length }

  /** Latin1, up to 4 GiB: one byte a character, as fields travel. */
  text(value: string): void {
    this.word(value.length)
    this.#at += this.bytes.write(value, this.#at, 'latin1')
  }
}

/** What `text` writes for a value. */
export function textLength(value: string): number { return 4 + value.length }

export class ByteReader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.#at = at
  }

  byte(): number { return this.#bytes.readUInt8(this.#skip(1)) }
  short(): number { return this.#bytes.readUInt16BE(this.#skip(2)) }
  word(): number { return this.#bytes.readUInt32BE(this.#skip(4)) }
  number(): number { return this.#bytes.readDoubleBE(this.#skip(8)) }

  text(): string {
    const length = this.word()
    const start = this.#skip(length)
    return this.#bytes.toString('latin1', start, start + length)
  }

  /** A view, not a copy. */
  raw(length: number): Buffer {
    const start = this.#skip(length)
    return this.#bytes.subarray(start, start + length)
  }

  rest(): Buffer { return this.raw(this.#bytes.length - this.#at) }

  #skip(length: number): number {
    const start = this.#at
    if (start + length > this.#bytes.length) throw new CutShort()
    this.#at = start + length
    return start
  }
}
