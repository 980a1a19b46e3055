// Starts the generator's process on its core and brings its report back. The experiments' only way to make load.
import { fileURLToPath } from 'node:url'
import type { Processes } from '../processes.ts'
import type { LoadPlan, LoadReport } from './plan.ts'

const entry = fileURLToPath(new URL('main.ts', import.meta.url))
const graceMs = 30_000

/** Throws when the generator fails or does not end in time. */
export async function runLoad(processes: Processes, cpu: number, plan: LoadPlan): Promise<LoadReport> {
  const output = await processes.run({
    name: 'load generator',
    command: process.execPath,
    args: [entry],
    cpu,
    input: JSON.stringify(plan),
    boundMs: plan.warmUpMs + plan.durationMs + plan.deadlineMs + graceMs,
  })
  return JSON.parse(output) as LoadReport
}
