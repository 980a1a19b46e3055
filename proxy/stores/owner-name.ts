// What a process calls itself as the owner of claims: random first, because process ids lie (in a container everyone is
// 1), then what a person wants to see in a list: boot, process, start time, and the namespace the number is from.

import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'

export interface OwnerName {
  readonly text: string
  readonly boot: string
  readonly pid: number
  /** The PID namespace that `pid` is a number of. */
  readonly space: string
}

/** A new name, never given before. */
export function newOwnerName(): OwnerName {
  const boot = read('/proc/sys/kernel/random/boot_id').replaceAll('-', '').slice(0, 8) || 'boot'
  // Field 22, counted behind the name in parentheses, which may hold spaces itself.
  const started = read('/proc/self/stat').replace(/^.*\) /, '').split(' ')[19] ?? '0'
  const space = processSpace()
  const text = [randomUUID(), boot, process.pid, started || '0', space].join('.')
  return { text, boot, pid: process.pid, space }
}

/** Null: not a name of ours. */
export function parseOwnerName(text: string): OwnerName | null {
  const match = /^[0-9a-f-]{36}\.(\w+)\.(\d+)\.\d+\.(\w+)$/.exec(text)
  return match === null ? null : { text, boot: match[1] as string, pid: Number(match[2]), space: match[3] as string }
}

/** The number of this process's PID namespace; 0 where there is no such thing. */
function processSpace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0'
  } catch {
    // Not Linux, or /proc is hidden: one namespace is assumed.
    return '0'
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim()
  } catch {
    // Not Linux: the random part alone makes the name unique.
    return ''
  }
}
