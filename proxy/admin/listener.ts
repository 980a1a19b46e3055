// What both listeners beside the data path are: a small Fastify server with tight bounds, problem documents for errors,
// and one clear line when its address cannot be had. Routes are put on it elsewhere.

import { chmod, stat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { fastify } from 'fastify'
import type { FastifyInstance } from 'fastify'
import { formatAddress } from '../config/address.ts'
import type { ListenAddress } from '../core/configuration.ts'
import { pathOf } from './guard.ts'
import { codeForStatus, sendProblem } from './problem.ts'

/** A listener that runs. */
export interface Listening {
  /** `http://127.0.0.1:9900`, or `unix:/path`. */
  readonly url: string
  /** Ends all its connections. */
  close(): Promise<void>
}

/** A command is a few words; nothing here takes more. */
const bodyBytes = 16 * 1024
const requestMs = 10_000
const keepAliveMs = 5_000
const connections = 128

/** A server without routes. GET routes answer HEAD too. */
export function createListener(): FastifyInstance {
  const app = fastify({
    bodyLimit: bodyBytes, requestTimeout: requestMs, keepAliveTimeout: keepAliveMs, forceCloseConnections: true,
    http: { headersTimeout: requestMs },
    // A word too many is a mistake to be told, not to be dropped.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    frameworkErrors: (_error, _request, reply) => { sendProblem(reply, 'admin.invalid', 'The path cannot be read.') },
  })
  app.server.maxConnections = connections
  // Text bodies are what a page of another site may send without asking first.
  app.removeContentTypeParser('text/plain')
  app.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
  })
  app.setNotFoundHandler((request, reply) => {
    const url = pathOf(request)
    const allowed = ['GET', 'HEAD', 'POST'].filter((method) => app.hasRoute({ url, method }))
    if (allowed.length === 0) return sendProblem(reply, 'admin.not-found', 'See docs/operating.md for what is here.')
    const detail = `This path takes ${allowed.join(' and ')}.`
    return sendProblem(reply.header('allow', allowed.join(', ')), 'admin.method', detail)
  })
  app.setErrorHandler((error: { statusCode?: number; message: string }, _request, reply) => {
    const code = codeForStatus(error.statusCode ?? 500)
    return code === null ? sendProblem(reply, 'admin.defect', error.message) : sendProblem(reply, code, error.message)
  })
  return app
}

/** Rejects with one line that says what, where and what to do. `name`: `admin` or `probe`. */
export async function listen(app: FastifyInstance, name: string, address: ListenAddress): Promise<Listening> {
  try {
    await bind(app, address)
  } catch (error) {
    await app.close()
    const where = formatAddress(address)
    throw new Error(`Cannot open the ${name} listener on ${where}: ${reasonOf(error)}`, { cause: error })
  }
  return { url: urlOf(app, address), close: () => app.close() }
}

async function bind(app: FastifyInstance, address: ListenAddress): Promise<void> {
  if (address.kind === 'tcp') {
    await app.listen({ host: address.host, port: address.port })
    return
  }
  await removeStaleSocket(address.path)
  await app.listen({ path: address.path })
  await chmod(address.path, 0o600)
}

/** A process that was killed leaves its socket behind; one that somebody listens on is not touched. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await stat(path).catch(() => null)
  // A plain file refuses connections as well, and is somebody's.
  if (found === null || !found.isSocket()) return
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(path)
    socket.on('connect', () => {
      socket.destroy()
      resolve('alive')
    })
    socket.on('error', (error: NodeJS.ErrnoException) => { resolve(error.code ?? '') })
  })
  if (answer === 'ECONNREFUSED') await unlink(path)
}

function urlOf(app: FastifyInstance, address: ListenAddress): string {
  if (address.kind === 'unix') return formatAddress(address)
  const bound = app.server.address()
  const port = bound !== null && typeof bound === 'object' ? bound.port : address.port
  return `http://${formatAddress({ ...address, port })}`
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return 'the address is in use; is another Seawall running? Choose another "listen" address'
  if (code === 'EACCES') return 'permission denied; choose a port from 1024 up or a path this user may write'
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return 'this machine has no such address'
  return message
}
