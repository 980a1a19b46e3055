// Seawall as a contender: built as its package is, with the configuration of an experiment written to a file, and run
// with the Node that runs this. Policies are on, as a user would have them; what an experiment must differ in is its
// `shape`.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../processes.ts'
import type { Contender } from './contender.ts'
import { subjectOf } from './neighbours.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** As it is deployed: JavaScript, without the compiler that running from source keeps in memory. */
const entry = join(root, 'dist/proxy/seawall.mjs')
let isCompiled = false

function compileOnce(): void {
  if (isCompiled) return
  execFileSync(process.execPath, ['scripts/pack.mjs', 'compile'], { cwd: root, stdio: 'inherit' })
  isCompiled = true
}

/** One entry under `routes`, without the keys that the bench fills in. */
export type RouteShape = Readonly<Record<string, unknown>>

/** A catch-all with a deadline. */
export const plainRoutes: readonly RouteShape[] = [
  { name: 'everything', match: { path: '/*' }, deadline: { default: '10s', max: '10s' } },
]

/** `routes` in the order they are matched; each goes to the one upstream, which has timeouts and a bulkhead. */
export function seawall(routes: readonly RouteShape[] = plainRoutes, name = 'seawall'): Contender {
  return {
    name,
    missing: () => undefined,
    start: async ({ processes, cpus, directory }, originPort) => {
      compileOnce()
      const [port, adminPort] = [await freePort(), await freePort()]
      const own = join(directory, `${name}-${port}`)
      mkdirSync(own, { recursive: true })
      const file = join(own, 'seawall.json')
      writeFileSync(file, JSON.stringify(configuration(port, adminPort, originPort, routes), null, 2))
      return subjectOf(port, await processes.serve({
        name, command: process.execPath, args: [entry, 'run', '--config', file], cwd: own, cpu: cpus.subject, port,
      }))
    },
  }
}

function configuration(port: number, adminPort: number, originPort: number, routes: readonly RouteShape[]): unknown {
  return {
    version: 1,
    listeners: { public: { kind: 'ingress', listen: `127.0.0.1:${port}` } },
    admin: { listen: `127.0.0.1:${adminPort}` },
    drain: { delay: 0, timeout: '1s' },
    upstreams: {
      origin: {
        endpoints: [`http://127.0.0.1:${originPort}`],
        bulkhead: { maxConcurrent: 512, maxWait: '1s' },
        timeouts: { connect: '1s' },
      },
    },
    routes: routes.map((route) => ({ listener: 'public', upstream: 'origin', ...route })),
  }
}
