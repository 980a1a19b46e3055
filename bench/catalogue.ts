// The list of experiments, and finding one by a name that may be misspelt.
import type { Experiment } from './experiment.ts'
import { abuse } from './experiments/abuse.ts'
import { duplicatesExperiment } from './experiments/duplicates.ts'
import { keyed } from './experiments/keyed.ts'
import { memory } from './experiments/memory.ts'
import { overhead } from './experiments/overhead.ts'
import { overload } from './experiments/overload.ts'
import { reloads } from './experiments/reloads.ts'
import { routes } from './experiments/routes.ts'
import { slowReader } from './experiments/slow-reader.ts'
import { soak } from './experiments/soak.ts'
import { upstreams } from './experiments/upstreams.ts'

export const catalogue: readonly Experiment[] = [
  overhead, overload, routes, slowReader, memory, abuse, duplicatesExperiment, keyed, upstreams, reloads, soak,
]

/** The name among `names` that `given` is most probably meant to be; undefined when none is near. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  const near = names
    .map((name) => ({ name, distance: name.startsWith(given) && given !== '' ? 0 : editDistance(given, name) }))
    .sort((a, b) => a.distance - b.distance)
  const [best] = near
  // Beyond a third of its letters it is another word, not a misspelling.
  return best !== undefined && best.distance <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : undefined
}

// Levenshtein's distance, one row at a time.
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
