// The fixed answer of a fallback, made at load; only what depends on the failure is added to it.

import type { Code } from '../../core/codes.ts'
import { codes } from '../../core/codes.ts'
import type { Outcome, Reply } from '../../core/outcome.ts'
import type { Random } from '../../core/random.ts'
import { firstValue } from '../../core/raw-headers.ts'
import type { RawHeaders } from '../../core/raw-headers.ts'
import { WholeBody } from '../../core/whole-body.ts'
import type { FallbackOptions } from './schema.ts'

const defaultStatus = 503

export class FixedAnswer {
  readonly status: number
  readonly #headers: RawHeaders
  readonly #body: Uint8Array
  readonly #saysWhen: boolean

  constructor({ status = defaultStatus, headers = {}, body }: FallbackOptions) {
    const own = Object.entries(headers)
    const has = (name: string): boolean => own.some(([given]) => given.toLowerCase() === name)
    const isJson = typeof body === 'object'
    this.status = status
    this.#body = Buffer.from(body === undefined ? '' : isJson ? JSON.stringify(body) : body)
    const type = isJson ? 'application/json' : 'text/plain; charset=utf-8'
    this.#headers = [...own.flat(), ...(body === undefined || has('content-type') ? [] : ['content-type', type])]
    this.#saysWhen = (status === 503 || status === 429) && !has('retry-after')
  }

  /** The answer in the place of that outcome. */
  reply(instead: Outcome, trigger: Code | number, wasSent: boolean, random: Random): Reply {
    const headers = [...this.#headers, 'proxy-status', proxyStatus(trigger)]
    if (this.#saysWhen) headers.push('retry-after', String(retryAfterS(instead, random)))
    const keyStatus = keyStatusOf(instead) ?? (wasSent ? undefined : 'not-processed')
    if (keyStatus !== undefined) headers.push('idempotency-status', keyStatus)
    const body = new WholeBody(this.#body.length === 0 ? [] : [this.#body], this.#body.length, null)
    return { kind: 'reply', status: this.status, reason: '', headers, body, origin: 'fallback' }
  }
}

/** What the outcome says of its key: the answer in its place is none of the key's, and must not hide what is known. */
function keyStatusOf(instead: Outcome): string | undefined {
  const fields = instead.kind === 'reply' ? instead.headers
    : instead.kind === 'refused' || instead.kind === 'failed' ? instead.fields : undefined
  return firstValue(fields ?? [], 'idempotency-status')
}

/** RFC 9209: why this is not the upstream's answer. */
export function proxyStatus(trigger: Code | number): string {
  if (typeof trigger === 'number') return `seawall; received-status=${trigger}`
  const type = codes[trigger].status === 504 ? 'http_response_timeout' : 'destination_unavailable'
  return `seawall; error=${type}; details="${trigger}"`
}

/** As long as the refusing policy says, else 1 to 3 s by lot. */
function retryAfterS(outcome: Outcome, random: Random): number {
  if (outcome.kind === 'refused' && outcome.retryAfterMs > 0) return Math.ceil(outcome.retryAfterMs / 1000)
  return 1 + Math.floor(random() * 3)
}
