// What a running instance is doing, as a table for people: what is always worth a column, and of everything else only
// what is not as quiet as it was at the start. The whole of it is JSON's.

import { gaugesOf } from '../observe/inspect.ts'
import type { Figures, Status } from '../observe/inspect.ts'

type Parts = Readonly<Record<string, Figures>>

/** One line for the instance, one for each listener, upstream and route. */
export function statusText(status: Status): string {
  const { drain, configuration } = status
  const since = drain.seconds > 0 ? ` for ${Math.round(drain.seconds)} s` : ''
  const source = configuration.file ?? 'built-in defaults'
  const listeners = status.listeners.map(({ name, kind, url }) => [name, kind, url])
  const upstreams = gaugesOf(status).upstreams.map((now, i) => {
    const { endpoints = [], parts = {} } = status.upstreams[i] ?? {}
    return [
      now.upstream, String(now.inFlight), shown(parts['admission']?.['limit']),
      String(now.queued.critical + now.queued.default + now.queued.sheddable), String(now.streams),
      String(now.tunnels), breakerText(parts['breaker']), endpointsText(endpoints, parts['balance']),
    ]
  })
  const routes = status.routes.map(({ name, upstream, mode, parts }) =>
    [name, upstream, mode, breakerText(parts['breaker']), figuresText(parts)])
  return [
    `seawall ${status.version}  ${drain.phase}${since}  mode ${status.mode}  up ${duration(status.uptimeSeconds)}`,
    `config ${source}  hash ${configuration.hash}  log lines dropped ${status.log.dropped}`, '',
    ...table(['LISTENER', 'KIND', 'URL'], listeners), '',
    ...table(['UPSTREAM', 'IN FLIGHT', 'LIMIT', 'QUEUED', 'STREAMS', 'TUNNELS', 'BREAKER', 'ENDPOINTS'], upstreams), '',
    ...table(['ROUTE', 'UPSTREAM', 'MODE', 'BREAKER', 'NOTABLE'], routes), '',
  ].join('\n')
}

function shown(figure: number | string | undefined): string {
  return figure === undefined ? '-' : String(figure)
}

/** `closed`; anything else with its reason: `open 12 s, failures`. */
function breakerText(breaker: Figures | undefined): string {
  if (breaker === undefined) return '-'
  const { state, sinceSeconds, reason } = breaker
  return state === 'closed' ? 'closed' : `${shown(state)} ${shown(sinceSeconds)} s, ${shown(reason)}`
}

/** Addresses, and of those that get no calls why. */
function endpointsText(endpoints: readonly string[], balance: Figures | undefined): string {
  return endpoints.map((endpoint) => {
    const standing = String(balance?.[endpoint] ?? 'in')
    return /^in\b/.test(standing) ? endpoint : `${endpoint} (${standing.split(',')[0] ?? ''})`
  }).join(' ')
}

/** Have a column of their own, or say what the configuration says. */
const elsewhere: ReadonlySet<string> = new Set(['breaker'])
const constants: ReadonlySet<string> = new Set(['ceiling', 'maxKeys', 'objective', 'thresholdMs'])

/** What is there when all is well, where that is not nothing: all of a budget is left. */
const quietAt: Readonly<Record<string, number>> = { budget: 1 }

function figuresText(parts: Parts): string {
  return Object.entries(parts).filter(([part]) => !elsewhere.has(part)).flatMap(([part, figures]) =>
    Object.entries(figures).flatMap(([name, value]) => {
      if (value === (quietAt[name] ?? 0) || value === '' || constants.has(name)) return []
      // How much of how many is one figure to a reader.
      const of = name === 'inUse' && figures['ceiling'] !== undefined ? ` of ${figures['ceiling']}` : ''
      return [`${part}.${name} ${value}${of}`]
    })).join('  ')
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
