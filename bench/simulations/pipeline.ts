// The simulated experiments that need the whole pipeline: mixed priorities, and slow callers. Every arm over several
// seeds, with what it missed; arms that do not learn show what an experiment can tell. Writes nothing.
// Run: node bench/simulations/pipeline.ts [part of a name] [seeds]

import type { Criterion } from './criteria.ts'
import { playSpike, spikeCriteria } from './mixed-priorities.ts'
import { playSlow, slowCriteria } from './slow-callers.ts'

const always = (limit: number): object => ({ initial: limit, min: limit, max: limit })

const arms: { readonly [name: string]: object } = {
  probing: {}, 'frozen at 10': always(10), 'frozen at 100': always(100), 'always min': always(2),
  'always max': always(1024),
}

interface PipelineExperiment {
  readonly name: string
  readonly arms: { readonly [name: string]: object }
  readonly criteria: (seed: number, limit: object) => Promise<readonly Criterion[]>
}

const experiments: readonly PipelineExperiment[] = [
  { name: 'E8 mixed priorities', arms, criteria: async (seed, limit) => {
    const figures = await playSpike(seed, limit)
    const settled = { name: '(the same, once the cut has settled)', value: figures.settled, holds: true }
    return [...spikeCriteria(figures), settled]
  } },
  { name: 'E9 slow callers', arms: { ...arms, 'slow ones keep their permits': { maxStreams: 0 } },
    criteria: async (seed, limit) => slowCriteria(await playSlow(seed, limit)) },
]

const [part = '', seeds = '3'] = process.argv.slice(2)

for (const experiment of experiments.filter(({ name }) => name.includes(part))) {
  for (const [arm, limit] of Object.entries(experiment.arms)) {
    process.stdout.write(`\n${experiment.name}, ${arm}\n`)
    const bySeed: (readonly Criterion[])[] = []
    for (let seed = 1; seed <= Number(seeds); seed++) bySeed.push(await experiment.criteria(seed, limit))
    bySeed[0]?.forEach(({ name }, i) => {
      const seen = bySeed.map((criteria) => criteria[i] as Criterion)
      const verdict = seen.every(({ holds }) => holds) ? 'holds' : 'FAILS'
      const figures = seen.map(({ value }) => value.toPrecision(4)).join('  ')
      process.stdout.write(`  ${verdict}  ${name.padEnd(52)}  ${figures}\n`)
    })
  }
}
