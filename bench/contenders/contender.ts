// What stands between load and origin in one arm: started on the subject's core with a configuration of its own, and
// stopped again. Describes the shape; the files beside it fill it.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Ground } from '../ground.ts'

export interface Subject {
  readonly port: number
  /** Absent when there is no process in between. */
  readonly pid?: number
  /** Where it gives its metrics, if an experiment may read them. */
  readonly metricsPort?: number
  stop(): Promise<void>
}

export interface Contender {
  readonly name: string
  /** Why it cannot take part on this machine; undefined when it can. */
  missing(): string | undefined
  start(ground: Ground, originPort: number): Promise<Subject>
}

/** The load goes straight to the origin. */
export const direct: Contender = {
  name: 'direct',
  missing: () => undefined,
  start: async (_ground, originPort) => ({ port: originPort, stop: async () => {} }),
}

/** Distributions put servers in sbin, which is not on every user's PATH. */
const serverFolders = ['/usr/local/sbin', '/usr/sbin']

export function executablePath(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...serverFolders]
  return folders.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      // Not in this folder.
      return false
    }
  })
}
