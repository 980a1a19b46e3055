// Where log lines go: a file descriptor behind a bounded buffer. When nobody takes the lines they are dropped and
// counted, because a log must never cost memory without end or hold up a request; nothing is lost at a clean exit.

import { pino } from 'pino'
import type { Clock, Timer } from '../core/clock.ts'

/** What a logger writes into, one line with its newline at a time. */
export interface LogOutput {
  write(line: string): void
  /** Lines dropped since the start. */
  readonly dropped: () => number
  /** Writes what is buffered before it returns: for the exit, and for tests. */
  flushSync(): void
}

/** Lines are written together from here on: one system call for some ten lines. */
const togetherBytes = 4096
/** Most that may wait for a slow reader. */
const bufferBytes = 1024 * 1024
/** No line waits longer than this for company. */
const longestWaitMs = 500

/** `descriptor`: 1 for stdout, 2 for stderr, or a path. */
export function createLogOutput(descriptor: number | string, clock: Clock): LogOutput {
  const destination = pino.destination({
    dest: descriptor, sync: false, minLength: togetherBytes, maxLength: bufferBytes,
  })
  let dropped = 0
  let flushing: Timer | null = null
  destination.on('drop', () => { dropped += 1 })
  // A full disk or a closed pipe must not end the process: the line is lost, and that is counted.
  destination.on('error', () => { dropped += 1 })
  return {
    write(line) {
      destination.write(line)
      flushing ??= clock.after(longestWaitMs, () => {
        flushing = null
        destination.flush()
      })
    },
    dropped: () => dropped,
    flushSync() {
      flushing?.clear()
      flushing = null
      flushSyncOrDrop(destination, () => { dropped += 1 })
    },
  }
}

function flushSyncOrDrop(destination: { flushSync(): void }, drop: () => void): void {
  try {
    destination.flushSync()
  } catch {
    // Not open yet, or the reader is gone: at exit there is nobody left to tell.
    drop()
  }
}
