// Errors of the admin and probe listeners as problem documents (RFC 9457), with codes of their own: they are never
// answers to a caller's request, so they stand outside the vocabulary of exchanges.

import type { FastifyReply } from 'fastify'

const meanings = {
  'admin.invalid': { status: 400, title: 'The request is not valid' },
  'admin.unauthorized': { status: 401, title: 'A token is needed' },
  'admin.forbidden-host': { status: 403, title: 'This Host is not one of this listener' },
  'admin.forbidden-origin': { status: 403, title: 'Pages of other origins have no business here' },
  'admin.not-found': { status: 404, title: 'There is nothing at this path' },
  'admin.method': { status: 405, title: 'This method does not fit this path' },
  'admin.conflict': { status: 409, title: 'The change cannot be made now' },
  'admin.too-large': { status: 413, title: 'The body is too large' },
  'admin.media-type': { status: 415, title: 'The body must be application/json' },
  'admin.rejected': { status: 422, title: 'The change was refused and nothing has changed' },
  'admin.defect': { status: 500, title: 'A defect of Seawall' },
  'admin.unavailable': { status: 503, title: 'The store does not answer' },
  'admin.not-available': { status: 501, title: 'This instance cannot do that' },
} as const

export type AdminCode = keyof typeof meanings

/** Answers with the problem; `detail` is one sentence for the reader, `more` members beside it. */
export function sendProblem(
  reply: FastifyReply, code: AdminCode, detail: string, more: Readonly<Record<string, unknown>> = {},
): FastifyReply {
  const { status, title } = meanings[code]
  const problem = { type: 'about:blank', title, status, code, detail, ...more }
  return reply.code(status).type('application/problem+json').send(problem)
}

/** What Fastify calls an error, in our words. Null: not the fault of whoever asked. */
export function codeForStatus(status: number): AdminCode | null {
  if (status === 413) return 'admin.too-large'
  if (status === 415) return 'admin.media-type'
  return status >= 400 && status < 500 ? 'admin.invalid' : null
}
