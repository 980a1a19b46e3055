// Connections that the kernel dropped because nobody accepted them in time: its own count, since this process began. It
// counts for all listeners of the network namespace together; where there is no such file the family says nothing.

import { readFileSync } from 'node:fs'
import type { Family } from './metric-page.ts'

const kernelFile = '/proc/net/netstat'

export function acceptOverflows(path = kernelFile): Family {
  const atStart = readOverflows(path)
  return {
    name: 'seawall_accept_queue_overflows_total',
    help: 'Connections dropped because the queue of those to be accepted was full, in this network namespace.',
    type: 'counter',
    samples: () => {
      const now = readOverflows(path)
      return now === null || atStart === null ? [] : [{ labels: {}, value: Math.max(0, now - atStart) }]
    },
  }
}

/** Null where the kernel does not say. */
function readOverflows(path: string): number | null {
  try {
    const lines = readFileSync(path, 'latin1').split('\n')
    const [names = '', values = ''] = lines.filter((line) => line.startsWith('TcpExt'))
    const at = names.split(' ').indexOf('ListenOverflows')
    return at < 0 ? null : Number(values.split(' ')[at])
  } catch {
    return null
  }
}
