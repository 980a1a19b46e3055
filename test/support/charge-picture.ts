// The whole picture of config/charge.json on ports of its own: the provider simulator and the charge service in this
// process, Seawall in front of and beside the service in a process of its own.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Simulator } from '../../provider-sim/simulator.ts'
import { startSimulator } from '../../provider-sim/simulator.ts'
import { buildApp } from '../../sample-service/app.ts'
import { freePorts } from './free-port.ts'
import { entry, isReady, root, Running, temporaryFolder } from './seawall.ts'

/** The ports that are written in the file, by what stands there. */
const written = {
  public: 8080, provider: 8081, fraud: 8082, webhook: 8083, reconcile: 8084, admin: 9900, probe: 9901, service: 3000,
} as const

export type PictureName = keyof typeof written

export interface Picture {
  readonly seawall: Running
  readonly simulator: Simulator
  readonly ports: Readonly<Record<PictureName, number>>
  readonly adminToken: string
  /** Another process in the place of one that has ended. */
  startAgain(): Promise<Running>
}

export interface PictureOptions {
  /** The dependencies of another picture, which closes them; absent: its own. */
  readonly simulator?: Simulator
  /** How long a drain serves on. */
  readonly drainDelay?: string
}

export async function startPicture(t: Test, options: PictureOptions = {}): Promise<Picture> {
  const { simulator: shared } = options
  const folder = temporaryFolder(t)
  const simulator = shared ?? await startSimulator({ ledgerPath: join(folder, 'ledger.ndjson'), closeGraceMs: 100 })
  const names = Object.keys(written) as PictureName[]
  const free = await freePorts(names.length)
  const ports = Object.fromEntries(names.map((name, i) => [name, free[i]])) as Record<PictureName, number>
  const adminToken = 'let-the-auditor-in'
  const url = (name: PictureName): string => `http://127.0.0.1:${ports[name]}`
  const app = await buildApp({
    host: '127.0.0.1', port: ports.service, logLevel: 'silent', adminToken, poolSize: 8,
    database: { kind: 'sqlite', path: join(folder, 'charges.sqlite') },
    providerUrl: url('provider'), fraudUrl: url('fraud'), webhookUrl: url('webhook'),
    reconcileProviderUrl: url('reconcile'), reconcileIntervalMs: 50, reconcileAgeMs: 0,
  })
  // Dependencies first: a service that waits for one of them could not close.
  t.teardown(async () => {
    if (shared === undefined) await simulator.close()
    await app.close()
  })
  await app.listen({ host: '127.0.0.1', port: ports.service })
  const file = join(folder, 'seawall.json')
  writeFileSync(file, changed(textFor(ports, simulator), options))
  const startAgain = (): Promise<Running> => startWith(t, folder, file)
  return { seawall: await startAgain(), simulator, ports, adminToken, startAgain }
}

function changed(text: string, { drainDelay = '0s' }: PictureOptions): string {
  // A disk that others keep busy is not what these tests are about.
  const store = { type: 'lmdb', path: './data/idempotency', timeout: '5s' }
  const stores = `"stores": ${JSON.stringify({ idempotency: store })}`
  if (text.includes('"stores"')) throw new Error('config/charge.json has stores of its own')
  return text.replace('"drain": {', `${stores},\n  "drain": { "delay": "${drainDelay}",`)
}

async function startWith(t: Test, folder: string, file: string): Promise<Running> {
  const running = new Running(process.execPath, [entry, 'run', '--config', file], { cwd: folder })
  t.teardown(() => running.stop('SIGKILL'))
  await running.until(isReady)
  return running
}

/** The file as it is, with other ports. */
function textFor(ports: Readonly<Record<PictureName, number>>, simulator: Simulator): string {
  const [one, two, three] = simulator.providers.map(({ port }) => port)
  const moved = new Map<number, number | undefined>([
    [4000, one], [4001, two], [4002, three], [4100, simulator.fraud.port], [4200, simulator.webhook.port],
    ...Object.entries(written).map(([name, port]): [number, number] => [port, ports[name as PictureName]]),
  ])
  const text = readFileSync(join(root, 'config/charge.json'), 'utf8')
  return text.replace(/127\.0\.0\.1:(\d+)/g, (found, port: string) => {
    const other = moved.get(Number(port))
    if (other === undefined) throw new Error(`config/charge.json has an address that nobody serves: ${found}`)
    return `127.0.0.1:${other}`
  })
}
