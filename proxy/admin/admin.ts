// The listener for whoever operates this instance: GET reads, POST changes, and every change is told to the audit. On
// loopback or a unix socket by default; anywhere else it does not start without a token.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { formatAddress, isLoopback } from '../config/address.ts'
import type { ListenAddress } from '../core/configuration.ts'
import { logText } from '../observe/log-text.ts'
import { addChangeRoutes } from './changes.ts'
import type { Changes } from './changes.ts'
import { addIdempotencyRoutes } from './idempotency.ts'
import type { KeyRecords } from './idempotency.ts'
import { guard, pathOf } from './guard.ts'
import { createListener, listen } from './listener.ts'
import type { Listening } from './listener.ts'
import { addHealthRoutes } from './probe.ts'
import type { HealthSource } from './probe.ts'

/** One attempt to change something, allowed or not. */
export interface AuditEntry {
  /** `POST /admin/drain`. */
  readonly action: string
  /** The peer's address; empty on a unix socket. */
  readonly from: string
  /** What was sent, as text and cut to a bounded length; empty for nothing. */
  readonly body: string
  readonly status: number
  /** When what was set ends by itself, ms from now; null: it is no override, or was refused. */
  readonly endsInMs: number | null
}

export interface AdminOptions extends HealthSource, Changes {
  readonly address: ListenAddress
  /** Asked for wherever it is set, and needed where others than this machine reach the address. */
  readonly token: string | null
  /** The bodies of GET /admin/status and GET /admin/config, made when asked. Secrets are masked already. */
  status(): unknown
  configuration(): unknown
  audit(entry: AuditEntry): void
  /** The records of keys; null or absent: this instance keeps none, and their routes do not exist. */
  readonly keyRecords?: KeyRecords | null
}

const longestBody = 512

/** Rejects with one line when the address cannot be had, or must not be had without a token. */
export async function startAdmin(options: AdminOptions): Promise<Listening> {
  const { address, token } = options
  if (!isLoopback(address) && (token === null || token === '')) {
    throw new Error(`Cannot open the admin listener on ${formatAddress(address)}: others can reach it, so it needs `
      + '"admin": { "token": "${file:PATH}" }; or listen on 127.0.0.1')
  }
  const app = createListener()
  guard(app, { address, token: token === '' ? null : token })
  auditChanges(app, (entry) => { options.audit(entry) })
  addHealthRoutes(app, options)
  app.get('/admin/status', () => options.status())
  app.get('/admin/config', () => options.configuration())
  addChangeRoutes(app, options)
  addIdempotencyRoutes(app, options.keyRecords ?? null)
  return listen(app, 'admin', address)
}

/** After the answer, so that what was refused is on record too. */
function auditChanges(app: FastifyInstance, audit: (entry: AuditEntry) => void): void {
  app.decorateRequest('overrideMs', null)
  app.addHook('onResponse', async (request, reply) => {
    if (request.method === 'GET' || request.method === 'HEAD') return
    const body = bodyFor(request)
    audit({
      action: `${request.method} ${logText(pathOf(request), longestBody)}`,
      from: request.socket.remoteAddress ?? '',
      body: logText(body, longestBody),
      status: reply.statusCode,
      endsInMs: reply.statusCode < 300 ? request.overrideMs : null,
    })
  })
}

/** What was sent, without what a route says must not be on record. */
function bodyFor(request: FastifyRequest): string {
  const { body } = request
  if (body === undefined || body === null) return ''
  const { audited } = request.routeOptions.config as { readonly audited?: (body: unknown) => unknown }
  if (audited === undefined) return JSON.stringify(body)
  // Of what could not be read nobody knows what it holds.
  return typeof body === 'object' ? JSON.stringify(audited(body)) : ''
}
