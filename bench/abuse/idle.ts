// The memory of thousands of connections that have asked once and stay, in Seawall and in two servers of node:http.
import { nodeHttp } from '../contenders/neighbours.ts'
import { seawall } from '../contenders/seawall.ts'
import type { ExperimentOptions } from '../experiment.ts'
import { startOrigin } from '../ground.ts'
import type { Ground } from '../ground.ts'
import { memoryOf } from '../procfs.ts'
import { short } from '../table.ts'
import { othersOf, startCrowd } from './others.ts'

export interface IdleCost { readonly name: string; readonly beforeBytes: number; readonly afterBytes: number }

const settleMs = 3000

export async function idleCosts(ground: Ground, originPort: number, options: ExperimentOptions): Promise<IdleCost[]> {
  const found: IdleCost[] = []
  const bare = async (): Promise<{ port: number, pid: number, stop(): Promise<void> }> => {
    const running = await startOrigin(ground, 'bare-server.ts')
    return { port: running.port, pid: running.pid, stop: () => running.stop() }
  }
  const servers = [['seawall', () => seawall().start(ground, originPort)], ['bare node:http', bare],
    ['node:http proxy', () => nodeHttp.start(ground, originPort)]] as const
  for (const [name, start] of servers) {
    const subject = await start()
    await othersOf(ground, subject, { ...options, seconds: 2 }, 0)
    const beforeBytes = memoryOf(subject.pid ?? 0).pssBytes
    const crowd = await startCrowd(ground, subject.port, 'idle')
    await new Promise((resolve) => { setTimeout(resolve, settleMs) })
    const afterBytes = memoryOf(subject.pid ?? 0).pssBytes
    found.push({ name, beforeBytes, afterBytes })
    ground.progress(`idle connections, ${name}: ${short(beforeBytes / 2 ** 20)} MiB before, `
      + `${short(afterBytes / 2 ** 20)} MiB with them`)
    await crowd.stop()
    await subject.stop()
  }
  return found
}
