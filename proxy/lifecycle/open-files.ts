// How many files, and so how many connections, the operating system lets this process have open. Where a flood of
// callers may take the last of them, nobody can be turned away, and neither probes, admin nor upstreams be reached.

import { readFileSync } from 'node:fs'
import type { Configuration } from '../core/configuration.ts'

/** For the runtime itself, logs, stores, the probe and admin listeners. */
const reserved = 64
/** Callers are not turned away altogether, however little there is. */
const fewest = 16

/** Files this process may have open; Infinity where that is not told. */
export function mostOpenFiles(): number {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))
    return limit === null ? Infinity : Number(limit[1])
  } catch {
    // No Linux, or no /proc: the configured limits have to do.
    return Infinity
  }
}

/** The most connections of one of so many listeners: a share for each, and one for the way to the upstreams. */
export function mostConnections(configured: number, listeners: number, openFiles: number): number {
  return Math.min(configured, Math.max(fewest, Math.floor((openFiles - reserved) / (listeners + 1))))
}

/** The same configuration with as many connections as there can be. */
export function withinOpenFiles(configuration: Configuration, openFiles: number): Configuration {
  const { limits, listeners } = configuration
  const connections = mostConnections(limits.connections, listeners.length, openFiles)
  return connections === limits.connections ? configuration : { ...configuration, limits: { ...limits, connections } }
}
