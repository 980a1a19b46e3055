// `status`: what a running instance is doing, as a table for people or as the JSON of the admin listener.

import type { Status } from '../observe/inspect.ts'
import { createAdminVerb, refused } from './admin-verb.ts'
import { statusText } from './status-table.ts'
import { statusHelp } from './usage.ts'
import { exitCodes } from './verb.ts'

export const status = createAdminVerb({
  name: 'status',
  help: statusHelp,
  async run(client, values, io) {
    const answer = await client.ask('GET', '/admin/status')
    if (answer.status !== 200 || !isStatus(answer.body)) return refused(io, 'status', answer)
    io.stdout(values['json'] === true ? `${JSON.stringify(answer.body, null, 2)}\n` : statusText(answer.body))
    return exitCodes.ok
  },
})

/** `unknown` at the door: another version, or another program, may answer. */
function isStatus(body: unknown): body is Status {
  const { drain, configuration, listeners, upstreams, routes, log } = (body ?? {}) as Record<string, unknown>
  return [listeners, upstreams, routes].every(Array.isArray) && [drain, configuration, log].every(isObject)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
