// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// One line for an exchange that ended, as JSON through pino. A line costs some 4 µs, so ordinary answers are not
// logged by default, and refusals in a storm only up to a bound: the metrics have counted them all.

import type { Logger } from 'pino'
import type { Clock } from '../core/clock.ts'
import { codes } from '../core/codes.ts'
import type { Code } from '../core/codes.ts'
import type { Configuration } from '../core/configuration.ts'
import type { Exchange } from '../core/exchange.ts'
import { firstValue } from '../core/raw-headers.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import type { Random } from '../core/random.ts'
import { logText } from './log-text.ts'

export interface AccessLogOptions {
  /** `errors`: refusals, failures, 5xx, callers that left, and what took more than one attempt; `sampled`: these and
   * one in a hundred of the others. */
  readonly mode: Configuration['accessLog']
  readonly logger: Logger
  readonly clock: Clock
  readonly random: Random
}

/** A request that never became an exchange: no route, or refused at the gate of its listener, head known or not. */
export interface Unrouted {
  readonly code: Code
  readonly method?: string
  readonly path?: string
  readonly remoteAddress?: string
  readonly requestId?: string
}

export interface AccessLog {
  /** Which exchanges get a line from now on. */
  setMode(mode: Configuration['accessLog']): void
  exchangeEnded(exchange: Exchange, now: number): void
  unrouted(request: Unrouted): void
  /** Lines not written because of the bound. */
  readonly dropped: () => number
}

/** Two of a thousand parts of one core at 4 µs a line: what a storm of refusals may spend on its own description. */
const maxLinesPerSecond = 500
const sampledShare = 0.01
/** Longest texts of a caller in a line, characters. */
const maxLength = { method: 32, path: 512, requestId: 128 }

export function createAccessLog({ mode: firstMode, logger, clock, random }: AccessLogOptions): AccessLog {
  let mode = firstMode
  const bound = new LineBound()
  const isDue = (isNotable: boolean, now: number): boolean => {
    if (mode === 'off') return false
    if (mode === 'all') return true
    return (isNotable || (mode === 'sampled' && random() < sampledShare)) && bound.take(now)
  }
  return {
    setMode(next) { mode = next },
    exchangeEnded(exchange, now) {
      if (isDue(isNotable(exchange), now)) logger[levelOf(exchange)](lineOf(exchange, now), 'exchange')
    },
    unrouted(request) {
      if (isDue(true, clock.now())) logger.warn(lineOfUnrouted(request), 'exchange')
    },
    dropped: () => bound.dropped,
  }
}

class LineBound {
  dropped = 0
  #windowStartedAt = -Infinity
  #lines = 0

  take(now: number): boolean {
    if (now - this.#windowStartedAt >= 1000) {
      this.#windowStartedAt = now
      this.#lines = 0
    }
    this.#lines += 1
    if (this.#lines <= maxLinesPerSecond) return true
    this.dropped += 1
    return false
  }
}

function isNotable(exchange: Exchange): boolean {
  const { outcome, status, code, work } = exchange
  if (outcome === null || code !== null || status >= 500 || work.attempts > 1) return true
  return outcome.kind !== 'reply' && outcome.kind !== 'tunnel'
}

function levelOf(exchange: Exchange): 'info' | 'warn' | 'error' {
  if (exchange.outcome?.kind === 'failed' || exchange.outcome === null) return 'error'
  return isNotable(exchange) ? 'warn' : 'info'
}

function lineOf(exchange: Exchange, now: number): Record<string, unknown> {
  const { caller, plan, work, outcome } = exchange
  const line: Record<string, unknown> = {
    route: plan.route,
    method: logText(caller.head.method, maxLength.method),
    path: logText(caller.head.path, maxLength.path),
    status: exchange.status,
    outcome: outcome === null ? 'none' : outcome.kind,
    code: exchange.code,
    duration_ms: rounded(now - exchange.startedAt),
    queued_ms: rounded(exchange.queuedMs),
    attempts: work.attempts,
    delivered: work.delivered,
    upstream: plan.upstream,
    request_id: logText(exchange.requestId, maxLength.requestId),
    caller: caller.remoteAddress,
  }
  if (outcome !== null && outcome.kind === 'failed') line['cause'] = logText(outcome.cause, maxLength.path)
  const traceId = traceIdOf(caller.head.headers)
  if (traceId !== null) line['trace_id'] = traceId
  return line
}

function lineOfUnrouted({ code, method, path, remoteAddress, requestId }: Unrouted): Record<string, unknown> {
  return {
    route: null,
    method: method === undefined ? undefined : logText(method, maxLength.method),
    path: path === undefined ? undefined : logText(path, maxLength.path),
    status: codes[code].status,
    outcome: 'refused',
    code,
    request_id: requestId === undefined ? undefined : logText(requestId, maxLength.requestId),
    caller: remoteAddress,
  }
}

const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/

function traceIdOf(headers: RawHeaders): string | null {
  const found = traceparent.exec(firstValue(headers, 'traceparent') ?? '')
  return found?.[1] ?? null
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
