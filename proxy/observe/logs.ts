// The two logs of a process: exchanges on stdout, notices (announcements, audit) on stderr, both as lines of JSON with
// the same fields first. Their level can be overridden for a while; it always comes back.

import { pino } from 'pino'
import type { Logger } from 'pino'
import type { Clock, Timer } from '../core/clock.ts'
import type { LogOutput } from './log-output.ts'

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

export interface Logs {
  readonly access: Logger
  readonly notices: Logger
  readonly level: () => LogLevel
  /** Holds for `forMs`, then the level of the start is in force again. */
  overrideLevel(level: LogLevel, forMs: number): void
  readonly dropped: () => number
  /** Writes what is buffered: the last thing before the exit. */
  flushSync(): void
}

export interface LogsOptions {
  readonly stdout: LogOutput
  readonly stderr: LogOutput
  readonly clock: Clock
  readonly level: LogLevel
}

export function createLogs({ stdout, stderr, clock, level }: LogsOptions): Logs {
  const access = createLogger(stdout, level)
  const notices = createLogger(stderr, level)
  let override: Timer | null = null
  const set = (to: LogLevel): void => {
    access.level = to
    notices.level = to
  }
  return {
    access,
    notices,
    level: () => access.level as LogLevel,
    overrideLevel(to, forMs) {
      override?.clear()
      set(to)
      override = clock.after(forMs, () => { set(level) })
    },
    dropped: () => stdout.dropped() + stderr.dropped(),
    flushSync() {
      stdout.flushSync()
      stderr.flushSync()
    },
  }
}

function createLogger(output: LogOutput, level: LogLevel): Logger {
  return pino({
    level,
    // Process id and host name are the collector's affair and cost bytes on every line.
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  }, output)
}
