// What a process holds of the machine's memory, as the kernel counts it.

import { readFileSync } from 'node:fs'
import type { Running } from './seawall.ts'

/** Resident set, MiB. */
export function residentMiB({ child }: Running): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}
