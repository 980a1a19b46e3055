// A real HAProxy in front of several instances: it asks each ten times a second whether it is ready, and sends requests
// to those that are.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { eventually } from './asking.ts'
import { freePorts } from './free-port.ts'
import { Running, temporaryFolder } from './seawall.ts'

export interface Instance { readonly port: number; readonly probePort: number }

export interface Balancer {
  readonly port: number
  readonly running: Running
  /** Resolves when it sends requests to that many. */
  untilUp(count: number): Promise<void>
}

/** Why there can be none here; null: there can. */
export function missingBalancer(): string | null {
  return spawnSync('haproxy', ['-v']).status === 0 ? null : 'haproxy is not installed'
}

export async function startBalancer(t: Test, instances: readonly Instance[]): Promise<Balancer> {
  const folder = temporaryFolder(t)
  const [port = 0] = await freePorts(1)
  const socket = join(folder, 'stats.sock')
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(file, fileFor(port, socket, instances))
  const running = new Running('haproxy', ['-db', '-q', '-f', file])
  t.teardown(() => running.stop('SIGKILL'))
  const untilUp = (count: number): Promise<void> =>
    eventually(`${count} servers are up`, async () => await upCount(socket) === count, 15_000)
  await untilUp(instances.length)
  return { port, running, untilUp }
}

/** Nothing is sent again: what is lost between the two must show. */
function fileFor(port: number, socket: string, instances: readonly Instance[]): string {
  const servers = instances.map((instance, i) =>
    `  server seawall${i} 127.0.0.1:${instance.port} check port ${instance.probePort} inter 100ms fall 1 rise 1`)
  return `global
  nbthread 1
  maxconn 1024
  stats socket ${socket} mode 600
defaults
  mode http
  option http-keep-alive
  retries 0
  timeout connect 1s
  timeout check 2s
  timeout client 60s
  timeout server 60s
frontend callers
  bind 127.0.0.1:${port}
  default_backend seawalls
backend seawalls
  balance roundrobin
  option httpchk GET /readyz
${servers.join('\n')}
`
}

/** How many servers its statistics call up; 0 while there is nobody to ask. */
async function upCount(socket: string): Promise<number> {
  const text = await new Promise<string>((resolve) => {
    let received = ''
    const asking = connect(socket, () => { asking.write('show stat\n') })
    asking.on('data', (chunk) => { received += chunk.toString() })
    asking.on('close', () => { resolve(received) })
    asking.on('error', () => { resolve('') })
  })
  const [head = '', ...lines] = text.split('\n')
  const columns = head.replace(/^# /, '').split(',')
  const [name, status] = [columns.indexOf('svname'), columns.indexOf('status')]
  return lines.map((line) => line.split(','))
    .filter((cells) => cells[name]?.startsWith('seawall') === true && cells[status] === 'UP').length
}
