// Runs drawn over time: the limit, what the service has in flight, goodput and p99, one line a contender. The clocks of
// bench, generator and service are the same machine's; each series says when it began.
import type { LinePanel } from '../svg.ts'
import type { Observed } from './run.ts'
import { momentMs } from './run.ts'

export interface Course {
  readonly name: string
  readonly observed: Observed
}

type Points = readonly (readonly [number, number])[]

/** Nobody reads a curve of tenths of a second with forty requests in each. */
const smoothedMoments = 5
const collapsed = 'none'

export function coursePanels(title: string, courses: readonly Course[]): readonly LinePanel[] {
  const panel = (
    what: string, yLabel: string, of: readonly Course[], points: (one: Observed) => Points,
  ): LinePanel => ({
    kind: 'lines',
    title: `${title}: ${what}`,
    xLabel: 'seconds',
    yLabel,
    series: of.map((course) =>
      ({ name: course.name, points: points(course.observed), colour: courses.indexOf(course) }))
      .filter((one) => one.points.length > 0),
  })
  // Its line inside the service has thousands; beside it the others would be one line at the bottom.
  const protectedOnes = courses.filter(({ name }) => name !== collapsed)
  const panels = [
    panel('limit', 'requests at once', courses, limitPoints),
    panel('in flight at the service', 'requests', protectedOnes, inFlightPoints),
    panel('goodput', 'answers in time, a second', courses, goodputPoints),
    panel('p99 of the admitted', 'milliseconds', protectedOnes, p99Points),
  ]
  return panels.filter(({ series }) => series.length > 0)
}

export function goodputPoints({ report }: Observed): Points {
  return smoothed(report, (moments) => mean(moments.map(({ ok }) => ok)) * 1000 / momentMs)
}

function p99Points({ report }: Observed): Points {
  return smoothed(report, (moments) => Math.max(...moments.map(({ p99Ms }) => p99Ms)))
}

function inFlightPoints({ report, service }: Observed): Points {
  const offsetMs = service.startedAtMs - (report.startedAtMs ?? 0)
  return service.samples.map(({ atMs, inService, queued }) => [(atMs + offsetMs) / 1000, inService + queued] as const)
    .filter(([at]) => at <= lengthSeconds(report))
}

function limitPoints({ report, readings }: Observed): Points {
  return readings.flatMap(({ takenAtMs, values }) => {
    const at = (takenAtMs - (report.startedAtMs ?? 0)) / 1000
    return values.limit === undefined || at < 0 || at > lengthSeconds(report) ? [] : [[at, values.limit] as const]
  })
}

function smoothed(report: Observed['report'], value: (moments: NonNullable<typeof report.series>) => number): Points {
  const series = report.series ?? []
  return series.map(({ atMs }, index) =>
    [(atMs + momentMs) / 1000, value(series.slice(Math.max(0, index - smoothedMoments + 1), index + 1))] as const)
}

function lengthSeconds({ series = [] }: Observed['report']): number {
  return series.length * momentMs / 1000
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}
