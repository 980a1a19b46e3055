// One service under test with its control port, and whose core is whose around it. The service of slots needs little
// CPU time and shares the load's core. The busy thread has that core to itself, or its capacity would depend on how
// many refusals the generator reads: there the generator moves to the proxy's core, in every arm alike.
import { fileURLToPath } from 'node:url'
import type { Ground } from '../ground.ts'
import type { ServiceFigures, ServicePlan } from '../origins/workplace.ts'
import { freePort } from '../processes.ts'

const entry = fileURLToPath(new URL('../origins/service.ts', import.meta.url))

export interface Stage {
  readonly ground: Ground
  readonly port: number
  readonly generatorCpu: number
  /** Everything anew: the line is empty, connections are cut, the clock of the changes waits for the first request. */
  plan(plan: ServicePlan): Promise<void>
  figures(): Promise<ServiceFigures>
  stop(): Promise<void>
}

export async function startStage(ground: Ground, kind: ServicePlan['shape']['kind']): Promise<Stage> {
  const [port, controlPort] = [await freePort(), await freePort()]
  const { cpus, processes } = ground
  const running = await processes.serve({
    name: 'service', command: process.execPath, args: [entry, String(port), String(controlPort)],
    cpu: cpus.load, port: controlPort,
  })
  const control = `http://127.0.0.1:${controlPort}`
  return {
    ground,
    port,
    generatorCpu: kind === 'busy' ? cpus.subject : cpus.load,
    plan: async (plan) => {
      const { status } = await fetch(`${control}/plan`, { method: 'PUT', body: JSON.stringify(plan) })
      if (status !== 204) throw new Error(`Cannot plan the service: expected 204, got ${status}`)
    },
    figures: async () => await (await fetch(`${control}/figures`)).json() as ServiceFigures,
    stop: () => running.stop(),
  }
}
