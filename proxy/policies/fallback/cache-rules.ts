// Whether an answer may be kept for others, for whom, and how long it may be given: what a shared cache may do by RFC
// 9111, and on the safe side of it, because what is kept here is given to callers when nobody can be asked.

import CachePolicy from 'http-cache-semantics'
import type { RequestHead } from '../../core/caller.ts'
import type { Reply } from '../../core/outcome.ts'
import { firstValue } from '../../core/raw-headers.ts'
import type { RawHeaders } from '../../core/raw-headers.ts'

export interface Keeping {
  /** Names of request fields, in small letters, that choose between answers. */
  readonly vary: readonly string[]
  /** How old it was when it came, ms. */
  readonly ageMs: number
  /** Until what age it is fresh, ms. */
  readonly lifetimeMs: number
  /** How long after that it may be given at all, ms; Infinity: the answer does not say. */
  readonly mostStaleMs: number
}

/** How this answer may be kept; null: not at all. */
export function keepingOf(head: RequestHead, reply: Reply): Keeping | null {
  const { status, headers } = reply
  if (head.method !== 'GET' || !isGood(status) || reply.origin !== 'upstream') return null
  const answered = joined(headers)
  if (answered['set-cookie'] !== undefined || answered['content-range'] !== undefined) return null
  const control = answered['cache-control'] ?? ''
  if (/(?:^|[\s,])no-cache/i.test(control)) return null
  const asked = joined(head.headers)
  // Cookies say who asks as much as credentials do, though the RFC does not treat them so.
  if (asked['cookie'] !== undefined) asked['authorization'] ??= asked['cookie']
  const policy = new CachePolicy({ method: 'GET', url: head.target, headers: asked }, { status, headers: answered })
  if (!policy.storable()) return null
  const named = (answered['vary'] ?? '').toLowerCase().split(',').map((name) => name.trim())
  const vary = named.filter((name) => name !== '')
  if (vary.includes('*')) return null
  // A coded body is for those who asked for that coding, even where the origin forgets to say so.
  if (answered['content-encoding'] !== undefined && !vary.includes('accept-encoding')) vary.push('accept-encoding')
  return {
    vary,
    ageMs: secondsOf(answered['age']) * 1000,
    lifetimeMs: policy.maxAge() * 1000,
    mostStaleMs: mostStaleMs(control),
  }
}

/** Whether an answer is worth giving again. */
function isGood(status: number): boolean {
  return (status >= 200 && status < 300 && status !== 206) || status === 301 || status === 308
}

/** RFC 9111 section 4.2.4: what forbids stale reuse outright. RFC 5861 section 4: what bounds it. */
function mostStaleMs(control: string): number {
  if (/(?:^|[\s,])(?:must-revalidate|proxy-revalidate|s-maxage)/i.test(control)) return 0
  const bound = /(?:^|[\s,])stale-if-error="?([0-9]{1,9})/i.exec(control)?.[1]
  return bound === undefined ? Infinity : Number(bound) * 1000
}

function secondsOf(text: string | undefined): number {
  return text !== undefined && /^[0-9]{1,9}$/.test(text) ? Number(text) : 0
}

/** Fields by name in small letters; repeated ones joined, as the RFC reads lists. */
function joined(headers: RawHeaders): Record<string, string> {
  const fields: Record<string, string> = Object.create(null) as Record<string, string>
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase()
    const before = fields[name]
    fields[name] = before === undefined ? headers[i + 1] as string : `${before}, ${headers[i + 1]}`
  }
  return fields
}

/** What these fields of a request are, as one text; equal for requests that they do not tell apart. */
export function valuesOf(headers: RawHeaders, names: readonly string[]): string {
  return names.map((name) => {
    const first = firstValue(headers, name)
    return first === undefined ? '' : `=${headers.filter((_, i, all) =>
      i % 2 === 1 && (all[i - 1] as string).toLowerCase() === name).join(', ')}`
  }).join('\n')
}
