// The heads of a WebSocket handshake: towards upstream the one that any other request of its route would get, and the
// one upgrade that we let through; back the 101 without what ends at this hop. Both are in the form that http-proxy-3
// takes.

import type { IncomingHttpHeaders } from 'node:http'
import type { Attempt } from '../core/attempt.ts'
import type { Plan } from '../core/plan.ts'
import type { Random } from '../core/random.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import type { Endpoint } from '../core/upstream.ts'
import { RequestHeads } from '../upstream/request-head.ts'
import { passingFields } from './deliver.ts'

export interface HandshakeHead {
  /** As received, without the prefix that the route cuts off. */
  readonly target: string
  /** By lower-case name; those that came several times stay several lines. */
  readonly fields: IncomingHttpHeaders
}

export class HandshakeHeads {
  readonly #heads: RequestHeads

  constructor(random: Random) {
    this.#heads = new RequestHeads(random)
  }

  /** The head of the handshake that is this attempt. */
  build(attempt: Attempt, endpoint: Endpoint, now: number): HandshakeHead {
    const lines = this.#heads.build(attempt, new URL(endpoint.url).host, now).split('\r\n')
    const target = (lines[0] as string).split(' ')[1] as string
    const fields = Object.create(null) as IncomingHttpHeaders
    for (const line of lines.slice(1)) {
      const colon = line.indexOf(':')
      if (colon > 0) add(fields, line.slice(0, colon).toLowerCase(), line.slice(colon + 2))
    }
    delete fields.te
    fields.connection = 'Upgrade'
    fields.upgrade = 'websocket'
    return { target, fields }
  }
}

/** The fields of the 101 that a caller gets, from those that its upstream sent. */
export function agreedFields(received: RawHeaders, plan: Plan): IncomingHttpHeaders {
  const fields = Object.create(null) as IncomingHttpHeaders
  const kept = passingFields(received, plan, '', false)
  for (let i = 0; i < kept.length; i += 2) add(fields, kept[i] as string, kept[i + 1] as string)
  fields.connection = 'Upgrade'
  fields.upgrade = 'websocket'
  return fields
}

function add(fields: IncomingHttpHeaders, name: string, value: string): void {
  const earlier = fields[name]
  if (earlier === undefined) fields[name] = value
  else fields[name] = Array.isArray(earlier) ? [...earlier, value] : [earlier, value]
}
