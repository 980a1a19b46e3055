// Seawall as a contender: built as its package is, with the configuration of an experiment written to a file, and run
// with the Node that runs this. Policies are on, as a user would have them; what an experiment must differ in is its
// routes, its bulkhead, or that it has no file at all.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, untilAccepted } from '../processes.ts'
import type { Ground } from '../ground.ts'
import type { Contender, Subject } from './contender.ts'
import { subjectOf } from './neighbours.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** As it is deployed: JavaScript, without the compiler that running from source keeps in memory. */
const entry = join(root, 'dist/proxy/seawall.mjs')
let isCompiled = false

/** Done by whichever contender starts first; earlier by who would rather fail before the first round. */
export function compileOnce(): void {
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
      const own = ownDirectory(directory, name, port)
      const upstream = { bulkhead: { maxConcurrent: 512, maxWait: '1s' }, timeouts: { connect: '1s' } }
      const file = writeFile(own, configuration({ port, adminPort, originPort, routes, upstream }))
      return subjectOf(port, await processes.serve({
        name, command: process.execPath, args: [entry, 'run', '--config', file], cwd: own, cpu: cpus.subject, port,
      }))
    },
  }
}

/** As a user meets it who has read nothing: an upstream's address, and every default. */
export function seawallUntouched(name = 'seawall'): Contender {
  return {
    name,
    missing: () => undefined,
    start: (ground, originPort) => {
      const upstream = `http://127.0.0.1:${originPort}`
      return serve(ground, name, (port, adminPort) =>
        ['--upstream', upstream, '--listen', `127.0.0.1:${port}`, '--admin', `127.0.0.1:${adminPort}`])
    },
  }
}

/** A static ceiling tuned by hand, with a short wait, and nothing learned beside it. */
export function seawallBulkhead(maxConcurrent: number, name: string): Contender {
  return {
    name,
    missing: () => undefined,
    start: (ground, originPort) => serve(ground, name, (port, adminPort, own) => {
      const upstream = { bulkhead: { maxConcurrent, maxWait: '50ms' } }
      const routes = [{ name: 'everything', match: { path: '/*' } }]
      const parts = { port, adminPort, originPort, routes }
      const withoutLimit = writeFile(own, configuration({ ...parts, upstream: { ...upstream, limit: 'off' } }))
      if (isValid(withoutLimit)) return ['--config', withoutLimit]
      // A version that learns no limit does not know the word.
      return ['--config', writeFile(own, configuration({ ...parts, upstream }))]
    }),
  }
}

/** Its one route matches nothing that is asked for: what an answer costs that no upstream and no admission sees. */
export function seawallWithoutRoute(name: string): Contender {
  return {
    name,
    missing: () => undefined,
    start: (ground, originPort) => serve(ground, name, (port, adminPort, own) => {
      const routes = [{ name: 'nothing', match: { path: '/nothing' } }]
      return ['--config', writeFile(own, configuration({ port, adminPort, originPort, routes, upstream: {} }))]
    }),
  }
}

export interface OwnSubject extends Subject {
  readonly pid: number
  readonly adminPort: number
  /** To be written anew by experiments that reload. */
  readonly file: string
}

/** With a whole configuration of the experiment's own. */
export async function startSeawallWith(
  ground: Ground, name: string, configurationOf: (ports: { port: number, adminPort: number }) => unknown,
): Promise<OwnSubject> {
  const own: { adminPort: number, file: string } = { adminPort: 0, file: '' }
  const subject = await serve(ground, name, (port, adminPort, directory) => {
    Object.assign(own, { adminPort, file: writeFile(directory, configurationOf({ port, adminPort })) })
    return ['--config', own.file]
  })
  await untilAccepted(own.adminPort)
  return { ...subject, ...own, pid: subject.pid ?? 0 }
}

async function serve(
  { processes, cpus, directory }: Ground, name: string,
  argumentsOf: (port: number, adminPort: number, own: string) => readonly string[],
): Promise<Subject> {
  compileOnce()
  const [port, adminPort] = [await freePort(), await freePort()]
  const own = ownDirectory(directory, name, port)
  const args = [entry, 'run', ...argumentsOf(port, adminPort, own)]
  const running = await processes.serve({ name, command: process.execPath, args, cwd: own, cpu: cpus.subject, port })
  const subject = subjectOf(port, running)
  return {
    ...subject,
    metricsPort: adminPort,
    stop: async () => {
      // The second signal ends it at once: nobody is left to be drained, and there are many arms.
      process.kill(running.pid, 'SIGINT')
      await running.stop()
    },
  }
}

function isValid(file: string): boolean {
  return spawnSync(process.execPath, [entry, 'validate', file], { stdio: 'ignore' }).status === 0
}

function ownDirectory(directory: string, name: string, port: number): string {
  const own = join(directory, `${name.replaceAll(' ', '-')}-${port}`)
  mkdirSync(own, { recursive: true })
  return own
}

function writeFile(own: string, content: unknown): string {
  const file = join(own, 'seawall.json')
  writeFileSync(file, JSON.stringify(content, null, 2))
  return file
}

interface FileParts {
  readonly port: number
  readonly adminPort: number
  readonly originPort: number
  readonly routes: readonly RouteShape[]
  readonly upstream: Readonly<Record<string, unknown>>
}

function configuration({ port, adminPort, originPort, routes, upstream }: FileParts): unknown {
  return {
    version: 1,
    listeners: { public: { kind: 'ingress', listen: `127.0.0.1:${port}` } },
    admin: { listen: `127.0.0.1:${adminPort}` },
    drain: { delay: 0, timeout: '1s' },
    upstreams: {
      origin: { endpoints: [`http://127.0.0.1:${originPort}`], ...upstream },
    },
    routes: routes.map((route) => ({ listener: 'public', upstream: 'origin', ...route })),
  }
}
