// HOT PATH — runs for every head in both directions. Rules: docs/decisions/0004.
// How the body after a head is framed (RFC 9112 section 6.3), stricter than the RFC allows where readers are known to
// differ: two framings, two lengths, or a coding that is not exactly `chunked` are refused, never repaired.

import type { RawHeaders } from '../core/raw-headers.ts'

/** What framing says in place of a length. */
export const chunkedBody = -1
export const noBody = -2
/** Of answers only: the body ends with the connection. */
export const bodyUntilClose = -3
export const malformedFraming = -4
/** Of requests only: a transfer coding other than `chunked`, refused as `request.coding`. */
export const unknownCoding = -5

/** What the fields of one head say of its framing and its connection; one object is read into again and again. */
export class FramingFields {
  /** -1: no content-length; -2: one that is no number, or several that differ. */
  contentLength = -1
  contentLengths = 0
  /** The value of the last transfer-encoding field; null without one. */
  coding: string | null = null
  codings = 0
  hasClose = false
  hasKeepAlive = false
  /** What `keep-alive: timeout=` announces, s; -1 without it. */
  keepAliveS = -1

  read(headers: RawHeaders): void {
    this.contentLength = -1
    this.contentLengths = 0
    this.coding = null
    this.codings = 0
    this.hasClose = false
    this.hasKeepAlive = false
    this.keepAliveS = -1
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string
      switch (name.length) {
        case 10: this.#readOfTen(name, headers[i + 1] as string); break
        case 14: this.#readLength(name, headers[i + 1] as string); break
        case 17: this.#readCoding(name, headers[i + 1] as string); break
      }
    }
  }

  #readOfTen(name: string, value: string): void {
    const lower = name.toLowerCase()
    if (lower === 'connection') this.#readConnection(value.toLowerCase())
    else if (lower === 'keep-alive') {
      const announced = /(?:^|[,;\s])timeout="?(\d{1,9})/i.exec(value)
      if (announced !== null) this.keepAliveS = Number(announced[1])
    }
  }

  #readConnection(options: string): void {
    if (options === 'keep-alive') this.hasKeepAlive = true
    else if (options === 'close') this.hasClose = true
    else {
      for (const part of options.split(',')) {
        const option = part.trim()
        if (option === 'close') this.hasClose = true
        else if (option === 'keep-alive') this.hasKeepAlive = true
      }
    }
  }

  #readLength(name: string, value: string): void {
    if (name !== 'content-length' && name.toLowerCase() !== 'content-length') return
    const length = decimalOf(value)
    this.contentLength = this.contentLengths === 0 || this.contentLength === length ? length : -2
    this.contentLengths++
  }

  #readCoding(name: string, value: string): void {
    if (name !== 'transfer-encoding' && name.toLowerCase() !== 'transfer-encoding') return
    this.coding = value
    this.codings++
  }
}

/** Framing of a request: a length, or `chunkedBody`, `noBody`, `malformedFraming`, `unknownCoding`. */
export function requestFraming(minor: 0 | 1, fields: FramingFields): number {
  if (fields.coding === null) {
    if (fields.contentLengths === 0) return noBody
    return fields.contentLengths === 1 && fields.contentLength >= 0 ? fields.contentLength : malformedFraming
  }
  if (fields.contentLengths > 0 || fields.codings > 1 || minor === 0) return malformedFraming
  if (isChunked(fields.coding)) return chunkedBody
  // One well-formed coding we do not know is 501; whatever else is tried here is an attempt to confuse.
  return /^[a-z0-9!#$%&'*+.^_`|~-]+$/i.test(fields.coding) ? unknownCoding : malformedFraming
}

/** Framing of an answer to `method`: a length, or `chunkedBody`, `noBody`, `bodyUntilClose`, `malformedFraming`. */
export function responseFraming(method: string, status: number, minor: 0 | 1, fields: FramingFields): number {
  const { coding, contentLength } = fields
  if (coding !== null && (contentLength !== -1 || fields.codings > 1 || minor === 0 || !isChunked(coding))) {
    return malformedFraming
  }
  if (contentLength === -2) return malformedFraming
  // What a bodiless answer says of length or coding describes the answer to another request (RFC 9110 section 8.6).
  if (method === 'HEAD' || status === 204 || status === 304 || status < 200) return noBody
  if (coding !== null) return chunkedBody
  return contentLength === -1 ? bodyUntilClose : contentLength
}

/** Whether the connection may carry another message after this one, by what its head says. */
export function isPersistent(minor: 0 | 1, fields: FramingFields): boolean {
  if (fields.hasClose) return false
  return minor === 1 || fields.hasKeepAlive
}

function isChunked(coding: string): boolean {
  return coding === 'chunked' || coding.toLowerCase() === 'chunked'
}

/** 1*DIGIT up to 2^53 - 1, else -2. */
function decimalOf(text: string): number {
  const { length } = text
  if (length === 0 || length > 16) return length > 16 ? longDecimalOf(text) : -2
  let value = 0
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -2
    value = value * 10 + digit
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : -2
}

/** A number of more than 16 digits fits only when it begins with zeros. */
function longDecimalOf(text: string): number {
  if (!/^\d+$/.test(text)) return -2
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : -2
}
