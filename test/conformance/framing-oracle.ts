// A second reader of requests, written from the grammar with regular expressions and sharing nothing with the proxy:
// what it makes of a stream of bytes is what an origin has to get, no more and no less. It is slow and takes whole
// streams.

import { isIPv6 } from 'node:net'

export interface Understood {
  readonly method: string
  /** In origin form, or `*`. */
  readonly target: string
  /** Fields that pass unchanged whatever happens: `name: value`. */
  readonly fields: readonly string[]
  readonly body: string
}

export interface Reading {
  readonly requests: readonly Understood[]
  /**
   * What comes behind them: `refused` is to be answered with a status from 400 and a close, `closed` is not looked at,
   * `incomplete` could still become something or be refused, `nothing` is just that.
   */
  readonly end: 'nothing' | 'incomplete' | 'refused' | 'closed'
}

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const requestLine = new RegExp(`^(${token}) ([!"$-~]+) HTTP/(\\d)\\.(\\d)$`)
const fieldLine = new RegExp(`^(${token}):[ \\t]*((?:[\\t\\x20-\\x7e\\x80-\\xff]*[\\x21-\\x7e\\x80-\\xff])?)[ \\t]*$`)
const authority = /^(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+|\[([0-9A-Fa-f:.]+)\])(?::(\d{0,5}))?$/
const quoted = '"(?:\\\\[\\t\\x20-\\x7e\\x80-\\xff]|[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff])*"'
const chunkLine = new RegExp(`^([0-9A-Fa-f]+)(?:;(?:${quoted}|[\\t\\x20\\x21\\x23-\\x7e\\x80-\\xff])*)?\\r\\n`)

/** Reads a whole stream of one connection. */
export function readStream(stream: string): Reading {
  const requests: Understood[] = []
  let rest = stream
  for (;;) {
    if (rest.startsWith('\r\n')) rest = rest.slice(2)
    if (rest === '') return { requests, end: 'nothing' }
    const headEnd = rest.indexOf('\r\n\r\n')
    if (rest.startsWith('\r\n')) return { requests, end: headEnd < 0 ? 'incomplete' : 'refused' }
    if (headEnd < 0) return { requests, end: 'incomplete' }
    const head = readHead(rest.slice(0, headEnd).split('\r\n'))
    if (head === null) return { requests, end: 'refused' }
    const body = readBody(rest.slice(headEnd + 4), head.length)
    if (body === 'refused' || body === 'incomplete') return { requests, end: body }
    const { method, target, fields } = head
    requests.push({ method, target, fields, body: body.data })
    rest = body.rest
    if (head.isLast) return { requests, end: 'closed' }
  }
}

interface Head {
  readonly method: string
  readonly target: string
  readonly fields: readonly string[]
  /** Of the body; -1: chunked. */
  readonly length: number
  readonly isLast: boolean
}

function readHead([line = '', ...lines]: readonly string[]): Head | null {
  const start = requestLine.exec(line)
  const fields = lines.map((field) => fieldLine.exec(field))
  if (start === null || start[3] !== '1' || fields.includes(null)) return null
  const [, method = '', received = '', , minor] = start
  if (['CONNECT', 'TRACE', 'PRI'].includes(method)) return null
  const of = (name: string): string[] => fields
    .filter((field) => field?.[1]?.toLowerCase() === name).map((field) => field?.[2] as string)
  const isOld = minor === '0'
  const hosts = of('host')
  if (hosts.length > 1 || (hosts.length === 0 && !isOld) || hosts.some((host) => !isAuthority(host))) return null
  const target = originForm(received, method, hosts[0])
  const length = lengthOf(of('content-length'), of('transfer-encoding'), isOld)
  if (target === null || length === null || (!isOld && of('expect').length > 0)) return null
  const options = of('connection').flatMap((value) => value.split(',')).map((option) => option.trim().toLowerCase())
  return { method, target, length, fields: passing(lines, options), isLast: isOld || options.includes('close') }
}

function isAuthority(text: string): boolean {
  const match = authority.exec(text)
  if (match === null || (match[1] !== undefined && !isIPv6(match[1]))) return false
  return match[2] === undefined || Number(match[2]) <= 65_535
}

function originForm(target: string, method: string, host: string | undefined): string | null {
  if (target.startsWith('/')) return target
  if (target === '*') return method === 'OPTIONS' ? target : null
  const absolute = /^http(s?):\/\/([^/?]*)(.*)$/i.exec(target)
  if (absolute === null || !isAuthority(absolute[2] as string)) return null
  const plain = (text: string): string =>
    text.toLowerCase().replace(new RegExp(`:(?:${absolute[1] === '' ? '80' : '443'})?$`), '')
  if (host !== undefined && plain(host) !== plain(absolute[2] as string)) return null
  const rest = absolute[3] as string
  if (rest === '') return method === 'OPTIONS' ? '*' : '/'
  return rest.startsWith('?') ? `/${rest}` : rest
}

/** -1: chunked; null: refused. */
function lengthOf(lengths: readonly string[], codings: readonly string[], isOld: boolean): number | null {
  const [length, coding] = [lengths[0], codings[0]]
  if (lengths.length + codings.length > 1) return null
  if (coding !== undefined) return coding.toLowerCase() === 'chunked' && !isOld ? -1 : null
  if (length === undefined) return 0
  return /^\d{1,16}$/.test(length) && Number.isSafeInteger(Number(length)) ? Number(length) : null
}

type Body = { readonly data: string; readonly rest: string } | 'refused' | 'incomplete'

function readBody(text: string, length: number): Body {
  if (length < 0) return readChunks(text)
  return text.length < length ? 'incomplete' : { data: text.slice(0, length), rest: text.slice(length) }
}

function readChunks(text: string): Body {
  let rest = text
  let data = ''
  for (;;) {
    const line = chunkLine.exec(rest)
    if (line === null) return rest.includes('\n') ? 'refused' : 'incomplete'
    const size = Number.parseInt(line[1] as string, 16)
    if (!Number.isSafeInteger(size)) return 'refused'
    rest = rest.slice(line[0].length)
    if (size === 0) break
    const end = rest.slice(size, size + 2)
    if (!'\r\n'.startsWith(end)) return 'refused'
    if (end.length < 2) return 'incomplete'
    data += rest.slice(0, size)
    rest = rest.slice(size + 2)
  }
  if (rest.startsWith('\r\n')) return { data, rest: rest.slice(2) }
  const end = rest.indexOf('\r\n\r\n')
  if (end < 0) return 'incomplete'
  if (rest.slice(0, end).split('\r\n').some((line) => !fieldLine.test(line))) return 'refused'
  return { data, rest: rest.slice(end + 4) }
}

/** The fields that begin with `x-f` and are nobody's business but the origin's. */
function passing(lines: readonly string[], options: readonly string[]): string[] {
  return lines.map((line) => fieldLine.exec(line) as RegExpExecArray)
    .filter(([, name = '']) => /^x-f\d/i.test(name) && !options.includes(name.toLowerCase()))
    .map(([, name, value]) => `${name}: ${value}`)
}
