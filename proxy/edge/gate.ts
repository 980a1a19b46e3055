// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The strict gate: what a head must be before anything is routed or sent. It looks at the raw fields only, because
// parsers that build objects drop and join what an attacker hides. It repairs nothing.
// Syntax of names, values and chunks is the reader's work.

import type { RequestHead } from '../core/caller.ts'
import type { Code } from '../core/codes.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { isAuthority, isSameAuthority } from './authority.ts'

export interface GateLimits {
  /** All fields together, bytes, each with its separator and line end. */
  readonly headerBytes: number
  readonly headerCount: number
  readonly uriBytes: number
}

/** A head as a parser hands it over. */
export interface ReceivedHead {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly httpVersionMajor: number
  readonly httpVersionMinor: number
  readonly rawHeaders: RawHeaders
}

/** What one pass over the fields finds; one per gate, since examining is synchronous. */
interface Findings {
  host: string | null
  contentLength: string | null
  coding: string | null
  expectation: string | null
}

/** One field may be half of all. */
export const fieldShare = 0.5

export class Gate {
  readonly #limits: GateLimits
  readonly #fieldBytes: number
  readonly #viaPseudonym: string
  readonly #found: Findings = { host: null, contentLength: null, coding: null, expectation: null }

  /** `viaPseudonym`: the name of this very process in Via fields; a request that carries it has come round. */
  constructor(limits: GateLimits, viaPseudonym: string) {
    this.#limits = limits
    this.#fieldBytes = limits.headerBytes * fieldShare
    this.#viaPseudonym = viaPseudonym
  }

  /** The head as the pipeline reads it, or the code it is refused with. */
  examine(received: ReceivedHead): RequestHead | Code {
    const { rawHeaders, httpVersionMajor, httpVersionMinor } = received
    const method = received.method ?? ''
    const target = received.url ?? ''
    if (httpVersionMajor !== 1 || httpVersionMinor < 0 || httpVersionMinor > 1) return 'request.version'
    if (target.length > this.#limits.uriBytes) return 'request.uri-too-long'
    if (rawHeaders.length > this.#limits.headerCount * 2) return 'request.headers-too-large'
    if (method === 'CONNECT' || method === 'TRACE') return 'request.method'
    if (method === 'PRI') return 'request.malformed'
    const found = this.#found
    const refusal = this.#readFields(rawHeaders) ?? framingFault(found, httpVersionMinor)
    if (refusal !== null) return refusal
    const expectsContinue = found.expectation !== null && httpVersionMinor === 1
    if (expectsContinue && found.expectation?.toLowerCase() !== '100-continue') return 'request.expectation'
    if (found.host === null ? httpVersionMinor === 1 : !isAuthority(found.host)) return 'request.malformed'
    const version = httpVersionMinor as 0 | 1
    return headOf(method, target, found.host ?? '', rawHeaders, version, expectsContinue)
  }

  #readFields(headers: RawHeaders): Code | null {
    const found = this.#found
    found.host = found.contentLength = found.coding = found.expectation = null
    let bytes = 0
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string
      const value = headers[i + 1] as string
      const fieldBytes = name.length + value.length + 4
      if (fieldBytes > this.#fieldBytes) return 'request.headers-too-large'
      bytes += fieldBytes
      // Few fields matter here, and few lengths: most names are never lower-cased.
      if ((1 << name.length & telling) === 0 || name.length > 17) continue
      const code = this.#read(name.toLowerCase(), value)
      if (code !== null) return code
    }
    return bytes > this.#limits.headerBytes ? 'request.headers-too-large' : null
  }

  #read(name: string, value: string): Code | null {
    const found = this.#found
    switch (name) {
      case 'host':
        if (found.host !== null) return 'request.malformed'
        found.host = value
        return null
      case 'content-length':
        if (found.contentLength !== null) return 'request.malformed'
        found.contentLength = value
        return null
      case 'transfer-encoding':
        if (found.coding !== null) return 'request.malformed'
        found.coding = value
        return null
      case 'expect':
        found.expectation = found.expectation === null ? value : `${found.expectation}, ${value}`
        return null
      case 'via':
        return comesRound(value, this.#viaPseudonym) ? 'request.loop' : null
      default:
        return null
    }
  }
}

/** Whether this Via field names the pseudonym. The whole word: other instances are called alike. */
export function comesRound(via: string, pseudonym: string): boolean {
  return via.split(wordEnd).includes(pseudonym)
}

const wordEnd = /[,\s]+/

/** Lengths of the names that `#read` knows, as bits. */
const telling = 1 << 3 | 1 << 4 | 1 << 6 | 1 << 14 | 1 << 17

/** Sixteen digits hold every safe integer; leading zeros are legal. */
const digits = /^[0-9]{1,16}$/

/** RFC 9112 section 6.3, in the strict reading: one length or one chunked, never both, never a list. */
function framingFault(found: Findings, minor: number): Code | null {
  const { contentLength, coding } = found
  if (contentLength !== null) {
    if (coding !== null) return 'request.malformed'
    return digits.test(contentLength) && Number.isSafeInteger(Number(contentLength)) ? null : 'request.malformed'
  }
  if (coding === null) return null
  if (minor === 0) return 'request.malformed'
  const lower = coding.toLowerCase()
  if (lower === 'chunked') return null
  return stackedCoding.test(lower) ? 'request.coding' : 'request.malformed'
}

/** Known grammar, but more than the one coding that we decode. */
const stackedCoding = /^[a-z]+(?:\s*,\s*[a-z]+)*\s*,\s*chunked$/

/** Whether a target holds visible ASCII without `#`, and any of it. */
export function isTarget(target: string): boolean {
  return targetBytes.test(target)
}

const targetBytes = /^[!-"$-~]+$/

function headOf(
  method: string, received: string, host: string, headers: RawHeaders, version: 0 | 1, expectsContinue: boolean,
): RequestHead | Code {
  if (!isTarget(received)) return 'request.malformed'
  let target = received
  let authority = host
  if (received === '*') {
    if (method !== 'OPTIONS') return 'request.malformed'
  } else if (!received.startsWith('/')) {
    const match = absoluteForm.exec(received)
    if (match === null) return 'request.malformed'
    authority = match[2] as string
    if (!isAuthority(authority)) return 'request.malformed'
    // The RFC lets the target win. Two different answers to "for whom?" are what attacks are made of: refused.
    if (host !== '' && !isSameAuthority(authority, host, match[1] !== undefined)) return 'request.malformed'
    target = originForm(match[3] as string, method)
  }
  const query = target.indexOf('?')
  const path = query < 0 ? target : target.slice(0, query)
  return { method, target, path, authority, headers, version, expectsContinue }
}

const absoluteForm = /^http(s)?:\/\/([^/?]*)(.*)$/i

function originForm(rest: string, method: string): string {
  if (rest === '') return method === 'OPTIONS' ? '*' : '/'
  return rest.startsWith('?') ? `/${rest}` : rest
}
