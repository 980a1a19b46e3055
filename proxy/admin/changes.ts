// The POST routes of the admin listener: each checks what was sent and hands it to a callback of whoever owns the
// state. A callback that is absent makes its route say so, rather than not exist.

import type { FastifyInstance, FastifyReply } from 'fastify'
import { parseQuantity } from '../config/quantity.ts'
import type { Mode } from '../core/configuration.ts'
import { logLevels } from '../observe/logs.ts'
import type { LogLevel } from '../observe/logs.ts'
import { sendProblem } from './problem.ts'

export type ReloadResult =
  | { readonly isApplied: true; readonly hash: string; /** False: it was the same. */ readonly isChanged: boolean }
  | { readonly isApplied: false; /** One line each. */ readonly faults: readonly string[] }

export interface ModeChange {
  readonly mode: Mode
  /** Null: every route. */
  readonly route: string | null
  readonly forMs: number
}

export interface BreakerChange {
  readonly upstream: string
  /** Null: every breaker of the upstream. */
  readonly route: string | null
  readonly state: 'open' | 'closed' | 'auto'
  readonly forMs: number
}

declare module 'fastify' {
  interface FastifyRequest {
    /** How long the override that was asked for lasts, for the audit; null: none was. */
    overrideMs: number | null
  }
}

/** What can be changed from here. */
export interface Changes {
  /** Begins to drain; false when that has begun before. */
  drain?(): boolean
  reload?(): Promise<ReloadResult>
  /** Null, or why not, in one sentence (a route that does not exist). */
  setMode?(change: ModeChange): string | null
  /** Null, or in one sentence which names there are. */
  setBreaker?(change: BreakerChange): string | null
  overrideLogLevel?(level: LogLevel, forMs: number): void
}

/** An override that nobody takes back ends by itself. */
const defaultForMs = 15 * 60_000
const longestForMs = 24 * 3_600_000

export function addChangeRoutes(app: FastifyInstance, changes: Changes): void {
  app.post('/admin/drain', (_request, reply) => {
    if (changes.drain === undefined) return absent(reply, 'drain')
    return reply.code(202).send({ status: 'draining', began: changes.drain() })
  })
  app.post('/admin/reload', async (_request, reply) => {
    if (changes.reload === undefined) return absent(reply, 'reload')
    const result = await changes.reload()
    if (result.isApplied) return { status: 'applied', hash: result.hash, changed: result.isChanged }
    const detail = 'The configuration is not valid; the old one stays in force.'
    return sendProblem(reply, 'admin.rejected', detail, { faults: result.faults })
  })
  addOverrideRoutes(app, changes)
  addBreakerRoutes(app, changes)
}

const duration = { anyOf: [{ type: 'string', maxLength: 32 }, { type: 'number' }] }

interface ModeBody { readonly mode: Mode; readonly route?: string; readonly for?: string | number }
interface LogLevelBody { readonly level: LogLevel; readonly for?: string | number }

function addOverrideRoutes(app: FastifyInstance, changes: Changes): void {
  const modes = { enum: ['enforce', 'observe'] }
  const modeSchema = bodyOf({ mode: modes, route: { type: 'string' }, for: duration }, ['mode'])
  app.post<{ Body: ModeBody }>('/admin/mode', { schema: modeSchema }, (request, reply) => {
    if (changes.setMode === undefined) return absent(reply, 'mode')
    const { mode, route = null, for: given } = request.body
    const forMs = readFor(given)
    if (forMs === null) return wrongFor(reply)
    request.overrideMs = forMs
    const fault = changes.setMode({ mode, route, forMs })
    return fault === null ? { mode, route, for_ms: forMs } : sendProblem(reply, 'admin.invalid', fault)
  })
  const levelSchema = bodyOf({ level: { enum: logLevels }, for: duration }, ['level'])
  app.post<{ Body: LogLevelBody }>('/admin/log-level', { schema: levelSchema }, (request, reply) => {
    if (changes.overrideLogLevel === undefined) return absent(reply, 'log-level')
    const forMs = readFor(request.body.for)
    if (forMs === null) return wrongFor(reply)
    request.overrideMs = forMs
    changes.overrideLogLevel(request.body.level, forMs)
    return { level: request.body.level, for_ms: forMs }
  })
}

interface BreakerBody { readonly state: BreakerChange['state']; readonly for?: string | number }
interface BreakerParams { readonly upstream: string; readonly route?: string }

function addBreakerRoutes(app: FastifyInstance, changes: Changes): void {
  const schema = bodyOf({ state: { enum: ['open', 'closed', 'auto'] }, for: duration }, ['state'])
  for (const path of ['/admin/breakers/:upstream', '/admin/breakers/:upstream/:route']) {
    app.post<{ Body: BreakerBody; Params: BreakerParams }>(path, { schema }, (request, reply) => {
      if (changes.setBreaker === undefined) return absent(reply, 'breakers')
      const { upstream, route = null } = request.params
      const { state, for: given } = request.body
      const forMs = readFor(given)
      if (forMs === null) return wrongFor(reply)
      request.overrideMs = state === 'auto' ? null : forMs
      const fault = changes.setBreaker({ upstream, route, state, forMs })
      if (fault !== null) return sendProblem(reply, 'admin.not-found', fault)
      return { upstream, route, state, ...(state === 'auto' ? {} : { for_ms: forMs }) }
    })
  }
}

function bodyOf(properties: Readonly<Record<string, unknown>>, required: readonly string[]): { body: unknown } {
  return { body: { type: 'object', properties, required, additionalProperties: false } }
}

/** Null: not a duration, or one that is no override any more. */
function readFor(given: string | number | undefined): number | null {
  if (given === undefined) return defaultForMs
  const forMs = parseQuantity('duration', given)
  return forMs === null || forMs === 0 || forMs > longestForMs ? null : forMs
}

function wrongFor(reply: FastifyReply): FastifyReply {
  return sendProblem(reply, 'admin.invalid', '"for" must be a duration from 1ms to 24h, such as "15m".')
}

function absent(reply: FastifyReply, what: string): FastifyReply {
  return sendProblem(reply, 'admin.not-available', `This instance has no ${what} yet.`)
}
