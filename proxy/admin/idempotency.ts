// What an operator may see and decide of recorded keys: counts, doubts, one record, an end to a doubt, the purge of a
// scope, and that a store which lost records takes new keys. Keys come in and never go out; what is listed and logged
// are digests, states and times.

import type { FastifyInstance, FastifyReply } from 'fastify'
import { sendProblem } from './problem.ts'

/** A record without anything of its answer but the status. */
export interface ShownRecord {
  readonly ref: string
  readonly state: 'done' | 'in-flight' | 'unknown'
  readonly since: string
  readonly generation: number
  /** Of a doubt. */
  readonly reason?: string
  /** Of an answer: its status, and whether its body is kept. */
  readonly status?: number
  readonly hasBody?: boolean
}

/** Where a key is looked for, in the clear. */
export interface KeyPlace {
  readonly route: string
  /** Value of what the route's scope names; empty where that is nothing. */
  readonly value: string
}

export type Verdict = 'executed' | 'not-executed' | 'forget'

export interface GivenAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Why something could not be done, in one sentence; `code` says how to tell it. */
export interface Failure {
  readonly code: 'admin.not-found' | 'admin.conflict' | 'admin.invalid' | 'admin.unavailable'
  readonly detail: string
}

/** The records, as this listener asks of them. Every answer is one or a failure. */
export interface KeyRecords {
  counts(): Promise<object | Failure>
  doubts(limit: number): Promise<readonly ShownRecord[] | Failure>
  show(ref: string): Promise<ShownRecord | Failure>
  /** The name of the record of a key; null: no such route, or no keys count there. */
  refOf(place: KeyPlace, key: string): string | null
  resolve(ref: string, verdict: Verdict, answer: GivenAnswer | null): Promise<null | Failure>
  purge(place: KeyPlace): Promise<{ readonly purged: number } | Failure>
  acceptLoss(): Promise<null | Failure>
}

const longestList = 1_000
const usualList = 100

interface Query { readonly ref?: string; readonly route?: string; readonly value?: string; readonly key?: string
  readonly limit?: string }

export function addIdempotencyRoutes(app: FastifyInstance, records: KeyRecords | null): void {
  if (records === null) return
  app.get('/admin/idempotency/counts', async (_request, reply) => tell(reply, await records.counts()))
  app.get<{ Querystring: Query }>('/admin/idempotency/records', async (request, reply) => {
    const { ref, route, key, value = '', limit } = request.query
    if (ref !== undefined) return tell(reply, await records.show(ref))
    if (route !== undefined && key !== undefined) {
      const found = records.refOf({ route, value }, key)
      return found === null ? noRoute(reply, route) : tell(reply, await records.show(found))
    }
    const most = Math.min(longestList, Math.max(1, Number(limit ?? usualList) || usualList))
    const list = await records.doubts(most)
    return 'code' in list ? tell(reply, list) : { state: 'unknown', records: list }
  })
  addResolve(app, records)
  addPurge(app, records)
  addAcceptLoss(app, records)
}

interface ResolveBody { readonly ref: string; readonly verdict: Verdict; readonly confirm?: Verdict
  readonly answer?: GivenAnswer }

function addResolve(app: FastifyInstance, records: KeyRecords): void {
  const verdict = { enum: ['executed', 'not-executed', 'forget'] }
  const answer = {
    type: 'object', required: ['status'], additionalProperties: false,
    properties: {
      status: { type: 'integer', minimum: 200, maximum: 599 },
      headers: { type: 'object', additionalProperties: { type: 'string', pattern: '^[\\t -~]*$' }, maxProperties: 50,
        propertyNames: { pattern: '^[!#$%&\'*+.^_`|~0-9A-Za-z-]+$' } },
      body: { type: 'string' },
    },
  }
  const ref = { type: 'string', pattern: '^[A-Za-z0-9_-]+:[A-Za-z0-9_-]+$', maxLength: 200 }
  const body = bodyOf({ ref, verdict, confirm: verdict, answer }, ['ref', 'verdict'])
  const config = { audited: ({ ref, verdict }: ResolveBody) => ({ ref, verdict }) }
  const route = { schema: { body }, config }
  app.post<{ Body: ResolveBody }>('/admin/idempotency/resolve', route, async (request, reply) => {
    const { ref, verdict, confirm, answer = null } = request.body
    // Both let the next repetition execute: not to be said by a slip.
    if (verdict !== 'executed' && confirm !== verdict) {
      const detail = `After this the key can be executed: send "confirm": "${verdict}" too.`
      return sendProblem(reply, 'admin.invalid', detail)
    }
    const failure = await records.resolve(ref, verdict, answer)
    return failure === null ? { status: 'resolved', ref, verdict } : tell(reply, failure)
  })
}

interface PurgeBody { readonly route: string; readonly value?: string }

function addPurge(app: FastifyInstance, records: KeyRecords): void {
  const body = bodyOf({ route: { type: 'string' }, value: { type: 'string', maxLength: 4096 } }, ['route'])
  // The value may be a credential.
  const config = { audited: ({ route }: PurgeBody) => ({ route }) }
  app.post<{ Body: PurgeBody }>('/admin/idempotency/purge', { schema: { body }, config }, async (request, reply) => {
    const { route, value = '' } = request.body
    return tell(reply, await records.purge({ route, value }))
  })
}

function addAcceptLoss(app: FastifyInstance, records: KeyRecords): void {
  // It lets every key that was forgotten execute: not to be said by a slip.
  const body = bodyOf({ confirm: { enum: ['accept-loss'] } }, ['confirm'])
  const config = { audited: () => ({}) }
  app.post('/admin/idempotency/accept-loss', { schema: { body }, config }, async (_request, reply) => {
    const failure = await records.acceptLoss()
    return failure === null ? { status: 'accepted' } : tell(reply, failure)
  })
}

function bodyOf(properties: Readonly<Record<string, unknown>>, required: readonly string[]): object {
  return { type: 'object', properties, required, additionalProperties: false }
}

function noRoute(reply: FastifyReply, route: string): FastifyReply {
  return sendProblem(reply, 'admin.invalid', `There is no route "${route}" on which keys count.`)
}

function tell(reply: FastifyReply, found: object | Failure): FastifyReply | object {
  if (!('code' in found)) return found
  const { code, detail } = found
  return sendProblem(reply, code, detail)
}
