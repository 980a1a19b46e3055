// Bytes of one connection that have come and must not be read yet: a body that nobody has asked for, or further
// requests behind the one in flight. It keeps a bounded number of them and says when there are more.

/** Bytes of further requests that are kept behind the one in flight. */
const maxHeldBytes = 64 * 1024

export class Backlog {
  bytes: Buffer | null = null
  /** Whose answer was out when the last look found too much behind it. */
  #crowdedBehind: object | null = null

  /** Whether more lies here than is kept: reading stops. */
  get isCrowded(): boolean {
    return this.bytes !== null && this.bytes.length > maxHeldBytes
  }

  hold(bytes: Buffer): void {
    this.bytes = this.bytes === null ? bytes : Buffer.concat([this.bytes, bytes])
  }

  take(): Buffer | null {
    const { bytes } = this
    this.bytes = null
    return bytes
  }

  /** Whether it has been crowded behind one and the same request for as long as between two looks. */
  staysCrowded(behind: object): boolean {
    const stays = this.isCrowded && this.#crowdedBehind === behind
    this.#crowdedBehind = this.isCrowded ? behind : null
    return stays
  }
}
