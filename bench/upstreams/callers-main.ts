// The callers' process: one plan as JSON on stdin, one report as JSON on stdout.
import { text } from 'node:stream/consumers'
import { runCallers } from './callers.ts'
import type { CallersPlan } from './callers-plan.ts'

/** Beyond the planned time: connecting, last answers, and a loaded machine. */
const graceMs = 20_000

const plan = JSON.parse(await text(process.stdin)) as CallersPlan
// Whatever goes wrong, forgotten callers end by themselves.
setTimeout(() => process.exit(1), plan.durationMs + plan.attemptMs * plan.maxAttempts + graceMs).unref()
process.stdout.write(`${JSON.stringify(await runCallers(plan))}\n`)
