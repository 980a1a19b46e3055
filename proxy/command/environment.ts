// The door to the process for the verbs: its streams, files and environment. The only file here that touches them.

import { readFileSync } from 'node:fs'
import { scheduler } from 'node:timers/promises'
import type { VerbIo } from './verb.ts'

/** What verbs may reach of this process. */
export function processIo(): VerbIo {
  return {
    stdout: (text) => { process.stdout.write(text) },
    stderr: (text) => { process.stderr.write(text) },
    readFile: (path) => readFileSync(path, 'utf8'),
    env: process.env,
    isTTY: process.stdout.isTTY,
    wait: (ms) => scheduler.wait(ms),
  }
}

/** Who reads no further, as `| head`, has seen enough: the verb's exit code stands. To be called once. */
export function allowClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
}
