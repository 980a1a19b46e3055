// `status`: what a running instance is doing, as a table for people or as the JSON of the admin listener.

import { gaugesOf } from '../observe/inspect.ts'
import type { Status } from '../observe/inspect.ts'
import { createAdminVerb, refused } from './admin-verb.ts'
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

/** The table: one line for the instance, one for each listener, upstream and route. */
export function statusText(status: Status): string {
  const { drain, configuration } = status
  const since = drain.seconds > 0 ? ` for ${Math.round(drain.seconds)} s` : ''
  const source = configuration.file ?? 'built-in defaults'
  const head = [
    `seawall ${status.version}  ${drain.phase}${since}  mode ${status.mode}  up ${duration(status.uptimeSeconds)}`,
    `config ${source}  hash ${configuration.hash}  log lines dropped ${status.log.dropped}`,
  ]
  const listeners = status.listeners.map(({ name, kind, url }) => [name, kind, url])
  const upstreams = gaugesOf(status).upstreams.map((now, i) => [
    now.upstream, String(now.inFlight), String(now.queued.critical + now.queued.default + now.queued.sheddable),
    String(now.streams), String(now.tunnels), (status.upstreams[i]?.endpoints ?? []).join(' '),
  ])
  const routes = status.routes.map(({ name, upstream, mode, parts }) => [name, upstream, mode, figuresText(parts)])
  return [
    ...head, '',
    ...table(['LISTENER', 'KIND', 'URL'], listeners), '',
    ...table(['UPSTREAM', 'IN FLIGHT', 'QUEUED', 'STREAMS', 'TUNNELS', 'ENDPOINTS'], upstreams), '',
    ...table(['ROUTE', 'UPSTREAM', 'MODE', 'FIGURES'], routes), '',
  ].join('\n')
}

/** `unknown` at the door: another version, or another program, may answer. */
function isStatus(body: unknown): body is Status {
  const { drain, configuration, listeners, upstreams, routes, log } = (body ?? {}) as Record<string, unknown>
  return [listeners, upstreams, routes].every(Array.isArray) && [drain, configuration, log].every(isObject)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function figuresText(parts: Readonly<Record<string, Readonly<Record<string, number | string>>>>): string {
  return Object.entries(parts).flatMap(([part, figures]) =>
    Object.entries(figures).map(([name, value]) => `${part}.${name} ${value}`)).join('  ')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  return all.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd())
}

function duration(seconds: number): string {
  const whole = Math.floor(seconds)
  const days = Math.floor(whole / 86_400)
  const hours = Math.floor(whole / 3600) % 24
  const minutes = Math.floor(whole / 60) % 60
  if (days > 0) return `${days}d ${hours}h`
  if (hours > 0) return `${hours}h ${minutes}m`
  return minutes > 0 ? `${minutes}m ${whole % 60}s` : `${whole}s`
}
