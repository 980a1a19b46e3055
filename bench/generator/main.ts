// The load generator's process: one plan as JSON on stdin, one report as JSON on stdout. A process of its own, so that
// it can be pinned to a core and so that nothing else in it delays a request. Starts and stops no servers.
import { text } from 'node:stream/consumers'
import { runClosedLoop } from './closed-loop.ts'
import { runOpenLoop } from './open-loop.ts'
import type { LoadPlan } from './plan.ts'

/** Beyond the planned time: connecting, last answers, and a loaded machine. */
const graceMs = 20_000

const plan = JSON.parse(await text(process.stdin)) as LoadPlan
// Whatever goes wrong, a forgotten generator ends by itself.
setTimeout(() => process.exit(1), plan.warmUpMs + plan.durationMs + plan.deadlineMs + graceMs).unref()
const report = plan.kind === 'open' ? await runOpenLoop(plan) : await runClosedLoop(plan)
process.stdout.write(`${JSON.stringify(report)}\n`)
