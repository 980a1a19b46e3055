// The table and picture of memory over time, for the experiments that watch it. Measures nothing.
import type { MemoryCourse } from '../memory-samples.ts'
import type { LinePanel } from '../svg.ts'
import { short } from '../table.ts'
import type { Table } from '../table.ts'

export interface NamedCourse {
  readonly name: string
  readonly course: MemoryCourse
}

const bytesPerMiB = 1024 ** 2

export function memoryTable<T extends NamedCourse>(
  title: string, courses: readonly T[], lastColumn: string, lastCell: (course: T) => string,
): Table {
  return {
    title,
    columns: ['arm', 'at first', 'plateau', 'max', 'growth to max', 'anonymous at last', lastColumn],
    rows: courses.map((one) => [
      one.name,
      inMiB(one.course.firstRssBytes),
      inMiB(one.course.plateauRssBytes),
      inMiB(one.course.maxRssBytes),
      inMiB(one.course.maxRssBytes - one.course.firstRssBytes),
      inMiB(one.course.samples.at(-1)?.anonymousBytes ?? 0),
      lastCell(one),
    ]),
  }
}

export function memoryPanel(title: string, courses: readonly NamedCourse[]): LinePanel {
  return {
    kind: 'lines',
    title,
    xLabel: 'seconds',
    yLabel: 'MiB resident',
    series: courses.map(({ name, course }) => ({
      name, points: course.samples.map((sample) => [sample.atSeconds, sample.rssBytes / bytesPerMiB] as const),
    })),
  }
}

function inMiB(bytes: number): string {
  return short(bytes / bytesPerMiB)
}
