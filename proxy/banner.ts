// What a start prints, in at most eight lines: when it is there, the process is ready.

import type { Configuration } from './core/configuration.ts'
import type { Serving } from './lifecycle/serve.ts'

/** Egress listeners beyond this many share the last line. */
const mostListeners = 4

export function banner(urls: Serving['urls'], configuration: Configuration, version: string): string {
  const upstreams = configuration.upstreams.map(({ name, endpoints }) =>
    `${name} ${endpoints[0]}${endpoints.length > 1 ? ` +${endpoints.length - 1}` : ''}`)
  const listeners = urls.listeners.map(({ name, kind, url }) => `${url}  ${kind} ${name}`)
  const shown = listeners.length > mostListeners
    ? [...listeners.slice(0, mostListeners - 1), listeners.slice(mostListeners - 1).join(', ')]
    : listeners
  const lines = [
    `seawall ${version}  mode ${configuration.mode}  node ${process.versions.node}`,
    ...shown.map((text, i) => line(i === 0 ? 'listens' : '', text)),
    line('upstreams', upstreams.join(', ')),
    line('admin', `${urls.admin}${urls.probe === null ? '' : `  probe ${urls.probe}`}`),
    line('config', `${configuration.file ?? 'command line and defaults'}  hash ${configuration.hash}`),
  ]
  return `${lines.join('\n')}\n`
}

function line(name: string, text: string): string {
  return `  ${name.padEnd(10)} ${text}`
}
