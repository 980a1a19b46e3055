// `drain [--wait]`: tells a running instance to leave, and if asked to, waits until it is gone.

import { createAdminVerb, refused } from './admin-verb.ts'
import { AdminUnreachable } from './client.ts'
import type { AdminClient } from './client.ts'
import { drainHelp } from './usage.ts'
import { exitCodes } from './verb.ts'
import type { VerbIo } from './verb.ts'

const lookEveryMs = 250
/** Longer than any drain should be allowed to take. */
const longestWaitMs = 15 * 60_000

export const drain = createAdminVerb({
  name: 'drain',
  help: drainHelp,
  options: { wait: { type: 'boolean' } },
  async run(client, values, io) {
    const before = await look(client)
    const answer = await client.ask('POST', '/admin/drain')
    if (answer.status !== 202) return refused(io, 'drain', answer)
    const began = (answer.body as { readonly began?: boolean } | undefined)?.began === true
    if (values['json'] === true) io.stdout(`${JSON.stringify(answer.body)}\n`)
    else io.stderr(began ? 'draining\n' : 'was draining already\n')
    return values['wait'] === true ? waitUntilGone(client, before?.pid, io) : exitCodes.ok
  },
})

interface Look { readonly pid: unknown; readonly phase: unknown; readonly cut: number }

/** Null: nobody answers any more. */
async function look(client: AdminClient): Promise<Look | null> {
  try {
    const { body } = await client.ask('GET', '/admin/status')
    const { pid, drain } = (body ?? {}) as { pid?: unknown; drain?: { phase?: unknown; cut?: unknown } }
    return { pid, phase: drain?.phase, cut: Number(drain?.cut ?? 0) }
  } catch (error) {
    if (error instanceof AdminUnreachable) return null
    throw error
  }
}

async function waitUntilGone(client: AdminClient, pid: unknown, io: VerbIo): Promise<number> {
  let cut = 0
  for (let waitedMs = 0; waitedMs < longestWaitMs; waitedMs += lookEveryMs) {
    const now = await look(client)
    // Another process at the same place: a supervisor has started the next one.
    if (now === null || now.pid !== pid) return gone(io, cut)
    cut = now.cut
    await io.wait(lookEveryMs)
  }
  io.stderr(`seawall drain: still running after ${longestWaitMs / 60_000} minutes\n`)
  return exitCodes.failed
}

/** What it cut at the very end it may not have lived to tell: its own exit code says so too. */
function gone(io: VerbIo, cut: number): number {
  io.stderr(cut === 0 ? 'gone\n' : `gone; ${cut} exchanges were cut\n`)
  return cut === 0 ? exitCodes.ok : exitCodes.failed
}
