// The charge service with all around it, as processes on free ports: the provider's simulator, the sample service, and
// one Seawall with the repository's own config/charge.json before and behind the service, or none. It tells nobody what
// to do; scenarios do.
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'jsonc-parser'
import type { Ground } from '../ground.ts'
import { gaugesIn } from '../overload/scrape.ts'
import { freePort } from '../processes.ts'
import type { RunningProcess } from '../processes.ts'
import { startSeawall } from './seawall.ts'

const root = new URL('../../', import.meta.url)
const host = '127.0.0.1'

type Json = Readonly<Record<string, unknown>>

export interface Picture {
  /** Where callers go. */
  readonly port: number
  /** What the service says of its own pool of database connections. */
  pool(): Promise<{ readonly inUse: number, readonly waiting: number }>
  /** Seawall's counters, summed over the lines with all of `having` in their labels; 0 without Seawall. */
  counter(name: string, having?: readonly string[]): Promise<number>
  /** A behaviour for the fraud check, or for all addresses of the provider; see provider-sim/README.md. */
  behave(who: 'fraud' | 'provider', behaviour: Json): Promise<void>
  /** Charges once, through whatever stands there; the id of the charge. */
  charge(): Promise<string>
  stop(): Promise<void>
}

/** Changes to the file: of one route or upstream by name. */
export interface PictureChanges {
  readonly routes?: Readonly<Record<string, Json>>
  readonly upstreams?: Readonly<Record<string, Json>>
}

/** Ports as the file has them. */
const filePorts = {
  public: 8080, provider: 8081, fraud: 8082, webhook: 8083, reconcile: 8084, admin: 9900, probe: 9901, service: 3000,
  providers: [4000, 4001, 4002], fraudSim: 4100, webhookSim: 4200,
}

/** `changes` null: without Seawall. */
export async function startPicture(ground: Ground, name: string, changes: PictureChanges | null): Promise<Picture> {
  const ports = await freePorts()
  const at = (port: number): number => ports.get(port) ?? port
  const own = join(ground.directory, `${name.replaceAll(/[ ,]+/g, '-')}-${at(filePorts.service)}`)
  mkdirSync(own, { recursive: true })
  const simulator = await startSimulator(ground, own, at)
  const service = await startService(ground, own, at, changes !== null)
  const seawall = changes === null ? null : await startSeawall(
    ground, name, { port: at(filePorts.public), adminPort: at(filePorts.admin) }, configurationOf(ports, changes),
  )
  const port = seawall?.port ?? at(filePorts.service)
  const metrics = async (of: number): Promise<string> => await (await fetch(`http://${host}:${of}/metrics`)).text()
  return {
    port,
    pool: async () => {
      const gauges = gaugesIn(await metrics(at(filePorts.service)), 'db_pool_')
      return { inUse: gauges.db_pool_in_use ?? NaN, waiting: gauges.db_pool_waiting ?? NaN }
    },
    counter: async (counter, having = []) =>
      seawall === null ? 0 : sumOf(await metrics(at(filePorts.admin)), counter, having),
    behave: async (who, behaviour) => {
      for (const one of who === 'fraud' ? [filePorts.fraudSim] : filePorts.providers) {
        await fetch(`http://${host}:${at(one)}/_control`, { method: 'POST', body: JSON.stringify(behaviour) })
      }
    },
    charge: () => chargeOnce(port),
    stop: async () => {
      await seawall?.stop()
      // The service waits for those it calls; they go first.
      await simulator.stop()
      await service.stop()
    },
  }
}

/** The file with every port replaced and the changes made. */
export function configurationOf(ports: ReadonlyMap<number, number>, changes: PictureChanges): Json {
  const text = readFileSync(new URL('config/charge.json', root), 'utf8')
    .replaceAll(/127\.0\.0\.1:(\d+)/g, (_, port: string) => `127.0.0.1:${ports.get(Number(port)) ?? port}`)
  const { $schema: _, ...file } = parse(text, [], { allowTrailingComma: true }) as Json & { upstreams: Json }
  const routes = (file.routes as readonly Json[]).map((route) =>
    ({ ...route, ...changes.routes?.[String(route.name)] }))
  const upstreams = Object.fromEntries(Object.entries(file.upstreams).map(([name, upstream]) =>
    [name, { ...upstream as Json, ...changes.upstreams?.[name] }]))
  return { ...file, routes, upstreams }
}

export const chargeBody = JSON.stringify({ amount: 1250, currency: 'EUR', customer: 'ada', source: 'tok_visa' })

async function chargeOnce(port: number): Promise<string> {
  const answer = await fetch(`http://${host}:${port}/charge`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: chargeBody,
  })
  const { id } = await answer.json() as { readonly id?: string }
  if (answer.status !== 201 || id === undefined) throw new Error(`Cannot charge once: got status ${answer.status}`)
  return id
}

async function freePorts(): Promise<ReadonlyMap<number, number>> {
  const ports = new Map<number, number>()
  for (const port of Object.values(filePorts).flat()) ports.set(port, await freePort())
  return ports
}

function startSimulator(
  { processes, cpus }: Ground, own: string, at: (port: number) => number,
): Promise<RunningProcess> {
  return processes.serve({
    name: 'provider-sim', command: process.execPath, cpu: cpus.load, cwd: own, port: at(filePorts.webhookSim),
    args: [
      fileURLToPath(new URL('provider-sim/main.ts', root)), '--ledger', join(own, 'ledger.ndjson'),
      '--provider-ports', filePorts.providers.map(at).join(','),
      '--fraud-port', String(at(filePorts.fraudSim)), '--webhook-port', String(at(filePorts.webhookSim)),
    ],
  })
}

function startService(
  { processes, cpus }: Ground, own: string, at: (port: number) => number, isBehind: boolean,
): Promise<RunningProcess> {
  const url = (behind: number, plain: number): string => `http://${host}:${at(isBehind ? behind : plain)}`
  const provider = filePorts.providers[0] ?? 0
  return processes.serve({
    name: 'sample-service', command: process.execPath, cpu: cpus.load, cwd: own, port: at(filePorts.service),
    args: [fileURLToPath(new URL('sample-service/main.ts', root))],
    env: {
      PORT: String(at(filePorts.service)), DATABASE_URL: `sqlite:${join(own, 'charges.sqlite')}`, LOG_LEVEL: 'fatal',
      PROVIDER_URL: url(filePorts.provider, provider), FRAUD_URL: url(filePorts.fraud, filePorts.fraudSim),
      WEBHOOK_URL: url(filePorts.webhook, filePorts.webhookSim),
      RECONCILE_PROVIDER_URL: url(filePorts.reconcile, provider),
    },
  })
}

function sumOf(exposition: string, name: string, having: readonly string[]): number {
  return exposition.split('\n')
    .filter((line) => line.startsWith(`${name}{`) && having.every((one) => line.includes(one)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
