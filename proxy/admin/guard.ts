// Who may ask: not a page of another site (Host against DNS rebinding, Origin against forged requests), and, where a
// token is set, only who knows it. Requests that fail here reach no handler.

import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isLoopback } from '../config/address.ts'
import type { ListenAddress } from '../core/configuration.ts'
import { sendProblem } from './problem.ts'

export interface GuardOptions {
  readonly address: ListenAddress
  /** Null: none is asked for. */
  readonly token: string | null
}

/** What a kubelet must be able to ask without a secret. */
const open: ReadonlySet<string> = new Set(['/livez', '/readyz', '/startupz'])

/** Puts the checks before every route of `app`, those that do not exist included. */
export function guard(app: FastifyInstance, { address, token }: GuardOptions): void {
  const expected = token === null ? null : digest(token)
  app.addHook('onRequest', async (request, reply) => {
    if (!isAllowedHost(request.headers.host, address)) {
      return sendProblem(reply, 'admin.forbidden-host', 'Ask by the name or address that this listener stands at.')
    }
    if (!isOwnOrigin(request.headers.origin, request.headers.host)) {
      return sendProblem(reply, 'admin.forbidden-origin', 'The Origin field names another site.')
    }
    if (expected !== null && !open.has(pathOf(request)) && !isKnown(request.headers.authorization, expected)) {
      return askForToken(reply)
    }
    return undefined
  })
}

/**
 * On loopback only loopback's names: a name of the attacker's that resolves to 127.0.0.1 would make this listener part
 * of the attacker's site. Elsewhere every name is allowed, because there a token is asked for, which no browser sends
 * along, or there is nothing but probes. A unix socket cannot be reached from a page.
 */
export function isAllowedHost(host: string | undefined, address: ListenAddress): boolean {
  // Only HTTP/1.0 comes without, and no browser speaks it.
  if (host === undefined || address.kind === 'unix' || !isLoopback(address)) return true
  const name = host.toLowerCase().replace(/:[0-9]*$/, '').replace(/\.$/, '')
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || /^127(\.[0-9]{1,3}){3}$/.test(name)
}

/** No Origin: not a page, or a page of this listener that only reads. */
export function isOwnOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)
}

function isKnown(authorization: string | undefined, expected: Buffer): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
  return given !== undefined && timingSafeEqual(digest(given), expected)
}

/** Of equal length whatever is given, so that the comparison says nothing about the length. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function askForToken(reply: FastifyReply): FastifyReply {
  const detail = 'Send "authorization: Bearer TOKEN" with the token of admin.token.'
  return sendProblem(reply.header('www-authenticate', 'Bearer'), 'admin.unauthorized', detail)
}

/** Path without the query. */
export function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] as string
}
