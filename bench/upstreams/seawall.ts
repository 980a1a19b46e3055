// Seawall as these scenarios need it: an upstream of several endpoints, or a whole file with listeners of its own.
// Built as its package is, with all policies on that are on by default.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Contender, Subject } from '../contenders/contender.ts'
import { compileOnce } from '../contenders/seawall.ts'
import type { RouteShape } from '../contenders/seawall.ts'
import type { Ground } from '../ground.ts'
import { freePort } from '../processes.ts'

const entry = fileURLToPath(new URL('../../dist/proxy/seawall.mjs', import.meta.url))

/** One listener and one upstream, which may name several endpoints; `routes` lead to it. */
export function seawallWith(
  name: string, upstream: Readonly<Record<string, unknown>>, routes: readonly RouteShape[],
): Contender {
  return {
    name,
    missing: () => undefined,
    start: async (ground, originPort) => {
      const [port, adminPort] = [await freePort(), await freePort()]
      return await startSeawall(ground, name, { port, adminPort }, {
        version: 1,
        listeners: { public: { kind: 'ingress', listen: `127.0.0.1:${port}` } },
        admin: { listen: `127.0.0.1:${adminPort}` },
        upstreams: { origin: { endpoints: [`http://127.0.0.1:${originPort}`], ...upstream } },
        routes: routes.map((route) => ({ listener: 'public', upstream: 'origin', ...route })),
      })
    },
  }
}

/** Ready when `port` accepts. It is stopped without a drain: nobody is left to wait for. */
export async function startSeawall(
  { processes, cpus, directory }: Ground, name: string, { port, adminPort }: { port: number, adminPort: number },
  configuration: Readonly<Record<string, unknown>>,
): Promise<Subject> {
  compileOnce()
  const own = join(directory, `${name.replaceAll(/[ ,]+/g, '-')}-${port}`)
  mkdirSync(own, { recursive: true })
  const file = join(own, 'seawall.json')
  writeFileSync(file, JSON.stringify({ ...configuration, drain: { delay: 0, timeout: '1s' } }, null, 2))
  const running = await processes.serve({
    name, command: process.execPath, args: [entry, 'run', '--config', file], cwd: own, cpu: cpus.subject, port,
  })
  return {
    port,
    pid: running.pid,
    metricsPort: adminPort,
    stop: async () => {
      // The second signal ends it at once.
      process.kill(running.pid, 'SIGINT')
      await running.stop()
    },
  }
}
