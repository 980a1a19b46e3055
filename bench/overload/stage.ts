// One service under test with its figures, and whose core is whose around it. The service of slots needs little
// CPU time and shares the load's core. The busy thread has that core to itself, or its capacity would depend on how
// many refusals the generator reads: there the generator moves to the proxy's core, in every arm alike.
import { fileURLToPath } from 'node:url'
import type { Ground } from '../ground.ts'
import type { ServiceFigures, ServicePlan } from '../origins/workplace.ts'
import { freePort } from '../processes.ts'
import type { RunningProcess } from '../processes.ts'

const entry = fileURLToPath(new URL('../origins/service.ts', import.meta.url))

export interface Stage {
  readonly ground: Ground
  readonly port: number
  readonly generatorCpu: number
  /**
   * A new process on the same port: its line is empty, the kernel has no callers of the last run left for it, and the
   * clock of the changes waits for the first request.
   */
  plan(plan: ServicePlan): Promise<void>
  figures(): Promise<ServiceFigures>
  stop(): Promise<void>
}

/** Without a service until the first plan. */
export async function startStage(ground: Ground, kind: ServicePlan['shape']['kind']): Promise<Stage> {
  const [port, figuresPort] = [await freePort(), await freePort()]
  const { cpus, processes } = ground
  let running: RunningProcess | undefined
  return {
    ground,
    port,
    generatorCpu: kind === 'busy' ? cpus.subject : cpus.load,
    plan: async (plan) => {
      await running?.stop()
      running = await processes.serve({
        name: 'service', command: process.execPath, cpu: cpus.load, port: figuresPort,
        args: [entry, String(port), String(figuresPort), JSON.stringify(plan)],
      })
    },
    figures: async () => await (await fetch(`http://127.0.0.1:${figuresPort}/figures`)).json() as ServiceFigures,
    stop: async () => { await running?.stop() },
  }
}
