// The proxies Seawall is compared with, each on one core and set up as its own manual would for a small service behind
// it: keep-alive both ways, no access log. Their defaults hold wherever this file is silent.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Ground } from '../ground.ts'
import { freePort } from '../processes.ts'
import type { Contender, Subject } from './contender.ts'
import { executablePath } from './contender.ts'

export interface Launch {
  readonly configuration: string
  /** Of the file; some programs look at its ending. */
  readonly file?: string
  readonly args: (file: string) => readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** What an arm adds: to the block `http`, and to the one location (what it does instead of passing on, if it must). */
export interface NginxVariant {
  readonly http?: string
  readonly location?: string
  readonly passesOn?: boolean
}

export const nginx = nginxLike('nginx')

export function nginxLike(name: string, { http = '', location = '', passesOn = true }: NginxVariant = {}): Contender {
  return neighbour(name, 'nginx', (port, originPort, directory) => ({
    configuration: nginxFile(directory, `  ${http}
  upstream origin { server 127.0.0.1:${originPort}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / {
      ${location}
      ${passesOn ? nginxPass : ''}
    }
  }`),
    // Without -e it would try the log of the system's own nginx before it reads the file.
    args: (file) => ['-e', 'stderr', '-p', directory, '-c', file],
  }))
}

const nginxPass = `proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header connection "";
      proxy_max_temp_file_size 0;`

function nginxFile(directory: string, servers: string): string {
  return `daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${directory}/nginx.pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  keepalive_requests 100000000;
${servers}
}
`
}

/** What an arm adds: to the frontend, to the backend, and to the line of its one server. */
export interface HaproxyVariant {
  readonly frontend?: string
  readonly backend?: string
  readonly server?: string
}

export const haproxy = haproxyLike('haproxy')

export function haproxyLike(name: string, variant: HaproxyVariant = {}): Contender {
  return neighbour(name, 'haproxy', (port, originPort) => ({
    configuration: haproxyFile(port, originPort, variant),
    args: (file) => ['-db', '-q', '-f', file],
  }))
}

function haproxyFile(
  port: number, originPort: number, { frontend = '', backend = '', server = '' }: HaproxyVariant,
): string {
  return `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  option http-keep-alive
  timeout connect 1s
  timeout client 60s
  timeout server 60s
frontend bench
  bind 127.0.0.1:${port} backlog 1024
  ${frontend}
  default_backend origin
backend origin
  http-reuse always
  ${backend}
  server origin 127.0.0.1:${originPort} ${server}
`
}

export const caddy = neighbour('caddy', 'caddy', (port, originPort, directory) => ({
  configuration: JSON.stringify({
    admin: { disabled: true, config: { persist: false } },
    logging: { logs: { default: { level: 'ERROR' } } },
    apps: {
      http: {
        servers: {
          bench: {
            listen: [`127.0.0.1:${port}`],
            automatic_https: { disable: true },
            routes: [{
              handle: [{
                handler: 'reverse_proxy',
                upstreams: [{ dial: `127.0.0.1:${originPort}` }],
                transport: { protocol: 'http', keep_alive: { max_idle_conns_per_host: 256 } },
              }],
            }],
          },
        },
      },
    },
  }),
  file: 'config.json',
  args: (file) => ['run', '--config', file],
  env: { GOMAXPROCS: '1', XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory, HOME: directory },
}))

export const nodeHttp: Contender = {
  name: 'node-http',
  missing: () => undefined,
  start: async ({ processes, cpus }, originPort) => {
    const port = await freePort()
    const entry = fileURLToPath(new URL('../node-http-proxy.ts', import.meta.url))
    const args = [entry, String(port), String(originPort)]
    return subjectOf(port, await processes.serve({
      name: 'node-http', command: process.execPath, args, cpu: cpus.subject, port,
    }))
  },
}

export function subjectOf(port: number, running: { readonly pid: number, stop(): Promise<void> }): Subject {
  return { port, pid: running.pid, stop: () => running.stop() }
}

/** `name` is the arm's, `program` is what is run. */
export function neighbour(
  name: string, program: string, launch: (port: number, originPort: number, directory: string) => Launch,
): Contender {
  return {
    name,
    missing: () => executablePath(program) === undefined ? `${program} is not installed` : undefined,
    start: async ({ processes, cpus, directory }: Ground, originPort) => {
      const port = await freePort()
      const own = join(directory, `${program}-${port}`)
      mkdirSync(own, { recursive: true })
      const { configuration, args, env = {}, file: fileName = `${program}.cfg` } = launch(port, originPort, own)
      const file = join(own, fileName)
      writeFileSync(file, configuration)
      return subjectOf(port, await processes.serve({
        name, command: executablePath(program) ?? program, args: args(file), env, cwd: own, cpu: cpus.subject, port,
      }))
    },
  }
}
