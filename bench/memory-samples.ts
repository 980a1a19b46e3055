// Watches the memory of a process over time while something else happens to it, and sums up what was seen. Samples with
// a timer of this process, so a busy machine makes gaps, never wrong values.
import { memoryOf } from './procfs.ts'

export interface MemorySample {
  readonly atSeconds: number
  readonly rssBytes: number
  readonly anonymousBytes: number
}

export interface MemoryCourse {
  readonly samples: readonly MemorySample[]
  readonly firstRssBytes: number
  readonly maxRssBytes: number
  /** Median of the second half: where it settled, if it did. */
  readonly plateauRssBytes: number
}

const sampleEveryMs = 250

/** Samples `pid` until `work` has ended, at least once. */
export async function memoryDuring(pid: number, work: () => Promise<void>): Promise<MemoryCourse> {
  const samples: MemorySample[] = []
  const startMs = performance.now()
  const sample = (): void => {
    const { rssBytes, anonymousBytes } = memoryOf(pid)
    // Zero means that the process is gone; the experiment finds that out by itself.
    if (rssBytes > 0) samples.push({ atSeconds: (performance.now() - startMs) / 1000, rssBytes, anonymousBytes })
  }
  sample()
  const timer = setInterval(sample, sampleEveryMs)
  try {
    await work()
    sample()
  } finally {
    clearInterval(timer)
  }
  return courseOf(samples)
}

/** Throws when there are no samples. */
export function courseOf(samples: readonly MemorySample[]): MemoryCourse {
  const resident = samples.map((one) => one.rssBytes)
  const [firstRssBytes] = resident
  if (firstRssBytes === undefined) throw new Error('Cannot sum up memory: the process was gone before the first sample')
  const settled = resident.slice(Math.floor(resident.length / 2)).sort((a, b) => a - b)
  return {
    samples,
    firstRssBytes,
    maxRssBytes: Math.max(...resident),
    plateauRssBytes: settled[Math.floor(settled.length / 2)] ?? firstRssBytes,
  }
}
