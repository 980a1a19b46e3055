// Asks the admin listener of a running instance, over TCP or a unix socket. It knows requests and answers, not what
// they mean.

import { request } from 'node:http'
import type { RequestOptions } from 'node:http'
import { parseAddress } from '../config/address.ts'

export interface AdminAnswer {
  readonly status: number
  /** The body; undefined when it is no JSON. */
  readonly body: unknown
}

/** Nobody answers there: exit code 4. */
export class AdminUnreachable extends Error {}

export interface AdminClient {
  /** As it was given, for messages. */
  readonly where: string
  ask(method: 'GET' | 'POST', path: string): Promise<AdminAnswer>
}

/** An admin listener answers at once; one that does not is as good as gone. */
const answerMs = 5000

/** Null: `where` is neither HOST:PORT, http://HOST:PORT nor unix:PATH. */
export function createClient(where: string, token: string | null): AdminClient | null {
  const address = parseAddress(where.replace(/^http:\/\//, '').replace(/\/$/, ''))
  if (address === null) return null
  const target = address.kind === 'unix'
    ? { socketPath: address.path }
    : { host: address.host.replace(/^0\.0\.0\.0$/, '127.0.0.1'), port: address.port }
  const headers = token === null ? {} : { authorization: `Bearer ${token}` }
  const common = { ...target, headers, agent: false, timeout: answerMs } as const
  return { where, ask: (method, path) => send({ ...common, method, path }, where) }
}

function send(options: RequestOptions, where: string): Promise<AdminAnswer> {
  return new Promise((resolve, reject) => {
    const unreachable = (reason: string): void => {
      reject(new AdminUnreachable(`no admin listener answers at ${where} (${reason}): is the instance running there?`))
    }
    const sent = request(options, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => { text += chunk })
      answer.on('end', () => { resolve({ status: answer.statusCode ?? 0, body: parse(text) }) })
      answer.on('error', (error) => { unreachable(error.message) })
    })
    sent.on('timeout', () => { sent.destroy(new Error(`no answer within ${answerMs / 1000} s`)) })
    sent.on('error', (error: NodeJS.ErrnoException) => { unreachable(error.code ?? error.message) })
    sent.end()
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Some other server, or an answer cut short: the caller of `ask` sees that there is no JSON.
    return undefined
  }
}
