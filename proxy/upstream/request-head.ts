// HOT PATH — runs for every attempt. Rules: docs/decisions/0004.
// The outgoing head of an attempt as one string, built in one pass over the caller's fields: what ends at this hop or
// could not be believed is taken out before anything of ours is added, so that no caller can take ours out.

import type { Attempt } from '../core/attempt.ts'
import { nominated } from '../core/hop-by-hop.ts'
import type { Forwarding } from '../core/plan.ts'
import type { Random } from '../core/random.ts'
import type { Exchange } from '../core/exchange.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { forwardedLines } from './forwarded-lines.ts'
import * as recipes from './head-recipe.ts'
import type { HeadRecipe } from './head-recipe.ts'
import { oneForwardLess } from './max-forwards.ts'
import { traceLines } from './trace-context.ts'

/** What one pass over a caller's fields found beside the lines that pass. Reused: the pass never re-enters. */
class Findings {
  for = ''
  proto = ''
  host = ''
  forwarded = ''
  traceparent = ''
  traceparents = 0
  tracestate = ''
  timeoutLines = ''
  takesTrailers = false

  clear(): void {
    this.for = ''
    this.proto = ''
    this.host = ''
    this.forwarded = ''
    this.traceparent = ''
    this.traceparents = 0
    this.tracestate = ''
    this.timeoutLines = ''
    this.takesTrailers = false
  }

  get inheritsNothing(): boolean {
    return this.for === '' && this.proto === '' && this.host === '' && this.forwarded === ''
  }
}

export class RequestHeads {
  readonly #random: Random
  readonly #recipes = new WeakMap<Forwarding, HeadRecipe>()
  readonly #found = new Findings()
  // The four forwarded lines of the last request that inherited none: callers of a sidecar are few.
  #lastRecipe: HeadRecipe | null = null
  #lastAddress = ''
  #lastAuthority = ''
  #lastIsSecure = false
  #lastLines = ''

  constructor(random: Random) {
    this.#random = random
  }

  /** The head of an attempt towards the endpoint of that authority, with its empty line. */
  build(attempt: Attempt, endpointAuthority: string, now: number): string {
    const { work } = attempt
    const { exchange } = work
    const { caller, plan } = exchange
    const { head, body } = caller
    const recipe = this.#recipeOf(attempt.owner.forwarding ?? plan.forwarding)
    const found = this.#found
    found.clear()
    const isTrusted = plan.forwarding.trusts(caller.remoteAddress)
    const lines = passingLines(head.headers, recipe, isTrusted, found)
    const passing = head.method === 'OPTIONS' ? oneForwardLess(lines) : lines
    const target = recipe.stripPrefix === '' ? head.target : stripped(head.target, recipe.stripPrefix)
    const host = recipe.host ?? (head.authority === '' ? endpointAuthority : head.authority)
    return `${head.method} ${target} HTTP/1.1\r\nhost: ${host}\r\n${passing}${recipe.setLines}`
      + (recipe.viaLines[head.version] as string)
      + this.#forwarded(exchange, recipe)
      + this.#identity(exchange, recipe, now)
      + (found.takesTrailers ? 'te: trailers\r\nconnection: te\r\n' : '')
      + fieldLines(work.requestFields)
      + (head.expectsContinue && body !== null && work.body?.isWhole !== true ? 'expect: 100-continue\r\n' : '')
      + framingLine(head.method, body === null ? noBody : body.length)
      + '\r\n'
  }

  #recipeOf(forwarding: Forwarding): HeadRecipe {
    let recipe = this.#recipes.get(forwarding)
    if (recipe === undefined) {
      recipe = recipes.recipeOf(forwarding)
      this.#recipes.set(forwarding, recipe)
    }
    return recipe
  }

  #forwarded(exchange: Exchange, recipe: HeadRecipe): string {
    const { remoteAddress, isSecure, head } = exchange.caller
    const found = this.#found
    if (!found.inheritsNothing) {
      return forwardedLines(remoteAddress, head.authority, isSecure, recipe.wanted, found)
    }
    if (recipe !== this.#lastRecipe || remoteAddress !== this.#lastAddress || head.authority !== this.#lastAuthority
      || isSecure !== this.#lastIsSecure) {
      this.#lastRecipe = recipe
      this.#lastAddress = remoteAddress
      this.#lastAuthority = head.authority
      this.#lastIsSecure = isSecure
      this.#lastLines = forwardedLines(remoteAddress, head.authority, isSecure, recipe.wanted, found)
    }
    return this.#lastLines
  }

  /** Request id, trace, attempt count and what is left of the time. */
  #identity(exchange: Exchange, recipe: HeadRecipe, now: number): string {
    const { requestId, deadlineAt } = exchange
    const found = this.#found
    let lines = recipe.addsRequestId && requestId !== '' ? `x-request-id: ${requestId}\r\n` : ''
    if (recipe.addsTrace) {
      const traceparent = found.traceparents === 1 ? found.traceparent : ''
      lines += traceLines(traceparent, found.tracestate, requestId, exchange, this.#random)
    }
    if (recipe.addsAttemptCount) lines += `x-envoy-attempt-count: ${exchange.work.attempts}\r\n`
    // Where no deadline is in force (off, or only observed) what the caller said of its time goes on as it came.
    if (deadlineAt === Infinity) lines += found.timeoutLines
    else {
      // Zero would mean "no limit" to some readers; who has nothing left is refused before this.
      const leftMs = Math.max(1, Math.floor(deadlineAt - now))
      if (recipe.addsTimeout) lines += `x-request-timeout-ms: ${leftMs}\r\n`
      if (recipe.addsEnvoyTimeout) lines += `x-envoy-expected-rq-timeout-ms: ${leftMs}\r\n`
    }
    return lines
  }
}

/** The lines that pass unchanged; what does not pass but is needed goes into `found`. */
function passingLines(headers: readonly string[], recipe: HeadRecipe, isTrusted: boolean, found: Findings): string {
  const { actions, lengths } = recipe
  const named = nominated(headers)
  const hasNamed = named.size > 0
  let lines = ''
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    const value = headers[i + 1] as string
    if (lengths[name.length] === 0 && !hasNamed) {
      lines += `${name}: ${value}\r\n`
      continue
    }
    const lower = name.toLowerCase()
    const action = actions.get(lower)
    if (action === recipes.timeout) found.timeoutLines += `${name}: ${value}\r\n`
    else if (action !== undefined && (action !== recipes.believed || !isTrusted)) note(found, action, value, isTrusted)
    else if (!hasNamed || !named.has(lower)) lines += `${name}: ${value}\r\n`
  }
  return lines
}

const namesTrailers = /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i

function note(found: Findings, action: number, value: string, isTrusted: boolean): void {
  switch (action) {
    case recipes.te: if (namesTrailers.test(value)) found.takesTrailers = true; break
    case recipes.traceparent: found.traceparent = value; found.traceparents++; break
    case recipes.tracestate: found.tracestate = listed(found.tracestate, value); break
    case recipes.forwardedFor: if (isTrusted) found.for = listed(found.for, value); break
    case recipes.forwardedProto: if (isTrusted) found.proto = value; break
    case recipes.forwardedHost: if (isTrusted) found.host = value; break
    case recipes.forwarded: if (isTrusted) found.forwarded = listed(found.forwarded, value); break
  }
}

/** Fields of ours, as lines. They were checked where they were made. */
function fieldLines(fields: RawHeaders | null): string {
  if (fields === null) return ''
  let lines = ''
  for (let i = 0; i < fields.length; i += 2) lines += `${fields[i]}: ${fields[i + 1]}\r\n`
  return lines
}

/** Several lines of a list field are one list (RFC 9110 section 5.3). */
function listed(before: string, value: string): string {
  if (before === '') return value
  return value === '' ? before : `${before}, ${value}`
}

/** The target behind the prefix, which ends at a segment; the bytes of the rest stay as they are. */
function stripped(target: string, prefix: string): string {
  if (!target.startsWith(prefix)) return target
  const rest = target.slice(prefix.length)
  if (rest === '' || rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? rest : target
}

/** Beside lengths from 0 and -1 for an unknown one. */
const noBody = -2

function framingLine(method: string, length: number): string {
  if (length >= 0) return `content-length: ${length}\r\n`
  if (length !== noBody) return 'transfer-encoding: chunked\r\n'
  // An origin may refuse these without a length (RFC 9110 section 8.6); for the others a length would announce a body.
  return method === 'POST' || method === 'PUT' || method === 'PATCH' ? 'content-length: 0\r\n' : ''
}
