// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The strict gate for HTTP/2: a list of fields that becomes the head of an HTTP/1.1 request further on, so that nothing
// may be in it which has another meaning there (RFC 9113 sections 8.2, 8.3 and 10.3). It looks at the raw list and
// trusts no library to have looked before.

import type { RequestHead } from '../core/caller.ts'
import type { Code } from '../core/codes.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { tokenCharacter, valueCharacter } from '../http1/characters.ts'
import { isAuthority, isSameAuthority } from './authority.ts'
import { comesRound, fieldShare, isTarget } from './gate.ts'
import type { GateLimits } from './gate.ts'

/** Bytes a field takes beside name and value when it is counted against the limit, as in HTTP/1.1. */
const separators = 4

export class Http2Gate {
  readonly #limits: GateLimits
  readonly #viaPseudonym: string
  #method: string | null = null
  #scheme: string | null = null
  #authority: string | null = null
  #path: string | null = null
  #host: string | null = null
  #expectation: string | null = null
  #cookieAt = -1
  /** What content-length said of the head examined last; -1 without one. */
  contentLength = -1

  constructor(limits: GateLimits, viaPseudonym: string) {
    this.#limits = limits
    this.#viaPseudonym = viaPseudonym
  }

  /** The head as the pipeline reads it, or the code it is refused with. `endsHere`: no body follows. */
  examine(received: RawHeaders, endsHere: boolean, isSecure: boolean): RequestHead | Code {
    const headers: string[] = []
    const refusal = this.#readFields(received, headers)
    if (refusal !== null) return refusal
    const method = this.#method ?? ''
    if (method === 'CONNECT' || method === 'TRACE') return 'request.method'
    if (method === '' || method === 'PRI' || !isToken(method)) return 'request.malformed'
    const target = this.#path ?? ''
    if (target.length > this.#limits.uriBytes) return 'request.uri-too-long'
    if (!scheme.test(this.#scheme ?? '') || !isTarget(target)) return 'request.malformed'
    if (!target.startsWith('/') && (target !== '*' || method !== 'OPTIONS')) return 'request.malformed'
    const authority = this.#authority ?? this.#host
    if (authority === null || !isAuthority(authority)) return 'request.malformed'
    // Two answers to "for whom?" are what attacks are made of.
    if (this.#host !== null && !isSameAuthority(authority, this.#host, isSecure)) return 'request.malformed'
    if (endsHere && this.contentLength > 0) return 'request.malformed'
    const expectsContinue = this.#expectation !== null
    if (expectsContinue && this.#expectation?.toLowerCase() !== '100-continue') return 'request.expectation'
    const query = target.indexOf('?')
    const path = query < 0 ? target : target.slice(0, query)
    return { method, target, path, authority, headers, version: 2, expectsContinue }
  }

  #forget(): void {
    this.#method = this.#scheme = this.#authority = this.#path = this.#host = this.#expectation = null
    this.#cookieAt = this.contentLength = -1
  }

  #readFields(received: RawHeaders, headers: string[]): Code | null {
    this.#forget()
    const { headerBytes, headerCount } = this.#limits
    let bytes = 0
    let count = 0
    for (let i = 0; i < received.length; i += 2) {
      const name = received[i] as string
      const value = received[i + 1] as string
      if (name.charCodeAt(0) === colon) {
        // One behind a field was put there by somebody else than its sender.
        if (count > 0 || !this.#readPseudo(name, value)) return 'request.malformed'
        continue
      }
      const fieldBytes = name.length + value.length + separators
      bytes += fieldBytes
      count++
      if (bytes > headerBytes || count > headerCount || fieldBytes > headerBytes * fieldShare) {
        return 'request.headers-too-large'
      }
      if (!isFieldName(name) || !isFieldValue(value)) return 'request.malformed'
      const code = this.#read(name, value, headers)
      if (code !== null) return code
    }
    return null
  }

  /** Whether this is one of the four of a request, and its first. */
  #readPseudo(name: string, value: string): boolean {
    switch (name) {
      case ':method':
        if (this.#method !== null) return false
        this.#method = value
        return true
      case ':scheme':
        if (this.#scheme !== null) return false
        this.#scheme = value
        return true
      case ':authority':
        if (this.#authority !== null) return false
        this.#authority = value
        return true
      case ':path':
        if (this.#path !== null) return false
        this.#path = value
        return true
      default:
        return false
    }
  }

  #read(name: string, value: string, headers: string[]): Code | null {
    switch (name) {
      case 'connection': case 'keep-alive': case 'proxy-connection': case 'transfer-encoding': case 'upgrade':
        return 'request.malformed'
      case 'te':
        if (value.toLowerCase() !== 'trailers') return 'request.malformed'
        break
      case 'host':
        if (this.#host !== null) return 'request.malformed'
        this.#host = value
        break
      case 'content-length':
        if (this.contentLength >= 0 || !digits.test(value) || !Number.isSafeInteger(Number(value))) {
          return 'request.malformed'
        }
        this.contentLength = Number(value)
        break
      case 'expect':
        this.#expectation = this.#expectation === null ? value : `${this.#expectation}, ${value}`
        break
      case 'via':
        if (comesRound(value, this.#viaPseudonym)) return 'request.loop'
        break
      case 'cookie':
        // Crumbs of one field, which HTTP/1.1 knows as one (RFC 9113 section 8.2.3).
        if (this.#cookieAt >= 0) {
          headers[this.#cookieAt] += `; ${value}`
          return null
        }
        this.#cookieAt = headers.length + 1
        break
    }
    headers.push(name, value)
    return null
  }
}

const colon = 58
const scheme = /^https?$/i
const digits = /^[0-9]{1,16}$/

function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (tokenCharacter[text.charCodeAt(i)] !== 1) return false
  return text.length > 0
}

/** A token without capitals. */
export function isFieldName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (tokenCharacter[code] !== 1 || (code >= 65 && code <= 90)) return false
  }
  return name.length > 0
}

/** No line break, no NUL, no other control character, and no space around it. */
export function isFieldValue(value: string): boolean {
  const { length } = value
  for (let i = 0; i < length; i++) if (valueCharacter[value.charCodeAt(i)] !== 1) return false
  return length === 0 || !(isSpace(value.charCodeAt(0)) || isSpace(value.charCodeAt(length - 1)))
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9
}
