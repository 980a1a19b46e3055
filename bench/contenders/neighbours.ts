// The proxies Seawall is compared with, each on one core and set up as its own manual would for a small service behind
// it: keep-alive both ways, no access log. Their defaults hold wherever this file is silent.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Ground } from '../ground.ts'
import { freePort } from '../processes.ts'
import type { Contender, Subject } from './contender.ts'
import { executablePath } from './contender.ts'

interface Launch {
  readonly configuration: string
  readonly args: (file: string) => readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export const nginx = neighbour('nginx', (port, originPort, directory) => ({
  configuration: `daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${directory}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  keepalive_requests 100000000;
  upstream origin { server 127.0.0.1:${originPort}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header connection "";
      proxy_max_temp_file_size 0;
    }
  }
}
`,
  // Without -e it would try the log of the system's own nginx before it reads the file.
  args: (file) => ['-e', 'stderr', '-p', directory, '-c', file],
}))

export const haproxy = neighbour('haproxy', (port, originPort) => ({
  configuration: `global
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
  default_backend origin
backend origin
  http-reuse always
  server origin 127.0.0.1:${originPort}
`,
  args: (file) => ['-db', '-q', '-f', file],
}))

export const caddy = neighbour('caddy', (port, originPort, directory) => ({
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

function neighbour(
  name: string, launch: (port: number, originPort: number, directory: string) => Launch,
): Contender {
  return {
    name,
    missing: () => executablePath(name) === undefined ? `${name} is not installed` : undefined,
    start: async ({ processes, cpus, directory }: Ground, originPort) => {
      const port = await freePort()
      const own = join(directory, `${name}-${port}`)
      mkdirSync(own, { recursive: true })
      const { configuration, args, env = {} } = launch(port, originPort, own)
      const file = join(own, name === 'caddy' ? 'config.json' : `${name}.cfg`)
      writeFileSync(file, configuration)
      return subjectOf(port, await processes.serve({
        name, command: executablePath(name) ?? name, args: args(file), env, cwd: own, cpu: cpus.subject, port,
      }))
    },
  }
}
