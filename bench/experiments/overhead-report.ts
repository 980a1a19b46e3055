// The tables and pictures of the overhead experiment, from its arms' figures. Measures nothing.
import { armNamed, ratioTo } from '../arms.ts'
import type { ArmResult } from '../arms.ts'
import type { DotPanel } from '../svg.ts'
import { ratioCell, short, spreadCell } from '../table.ts'
import type { Table } from '../table.ts'
import type { Workload } from '../workloads.ts'
import type { Spread } from '../statistics.ts'

/** The neighbour all ratios are taken to. */
const yardstick = 'haproxy'
const bytesPerMiB = 1024 ** 2

export function overheadTables(results: readonly ArmResult[], workloads: readonly Workload[]): readonly Table[] {
  return [
    ...workloads.map(({ name }) => costTable(results, name)),
    memoryTable(results),
    autocannonTable(results),
  ]
}

export function overheadPanels(results: readonly ArmResult[], workloads: readonly Workload[]): readonly DotPanel[] {
  return [
    ...workloads.flatMap(({ name }) => [
      dots(results, `${name}: added latency, p50`, 'µs', `${name} added p50Us`),
      dots(results, `${name}: added latency, p99`, 'µs', `${name} added p99Us`),
    ]),
    ...workloads.map(({ name }) => dots(results, `${name}: CPU time a request`, 'µs', `${name} cpuUs`)),
    dots(results, 'Memory with 200 connections', 'MiB resident', 'rssBytes', bytesPerMiB),
    dots(results, 'autocannon, closed loop', 'requests a second', 'autocannonRequestsPerSecond'),
  ]
}

function costTable(results: readonly ArmResult[], workload: string): Table {
  const [p50, p99, cpu] = [`${workload} added p50Us`, `${workload} added p99Us`, `${workload} cpuUs`]
  return {
    title: `${workload}: µs, median (lowest–highest round), and ratio to ${yardstick}`,
    columns: ['arm', 'p50', 'p99', 'added p50', 'ratio', 'added p99', 'ratio', 'CPU a request', 'ratio'],
    rows: results.map((arm) => [
      arm.name,
      medianCell(arm.figures[`${workload} p50Us`]),
      medianCell(arm.figures[`${workload} p99Us`]),
      spreadCell(arm.figures[p50]), ratio(results, arm, p50),
      spreadCell(arm.figures[p99]), ratio(results, arm, p99),
      spreadCell(arm.figures[cpu]), ratio(results, arm, cpu),
    ]),
  }
}

function memoryTable(results: readonly ArmResult[]): Table {
  return {
    title: `Memory with 200 connections: MiB, and ratio to ${yardstick}`,
    columns: ['arm', 'resident', 'ratio', 'anonymous', 'ratio'],
    rows: results.filter((arm) => arm.figures.rssBytes !== undefined).map((arm) => [
      arm.name,
      spreadCell(inMiB(arm.figures.rssBytes)), ratio(results, arm, 'rssBytes'),
      spreadCell(inMiB(arm.figures.anonymousBytes)), ratio(results, arm, 'anonymousBytes'),
    ]),
  }
}

function autocannonTable(results: readonly ArmResult[]): Table {
  return {
    title: 'autocannon, 32 connections, closed loop (latency in whole milliseconds, as it keeps them)',
    columns: ['arm', 'requests/s', 'p50 ms', 'p99 ms', 'not 2xx'],
    rows: results.map(({ name, figures }) => [
      name,
      spreadCell(figures.autocannonRequestsPerSecond),
      medianCell(figures.autocannonP50Ms),
      medianCell(figures.autocannonP99Ms),
      medianCell(figures.autocannonNotOk),
    ]),
  }
}

function dots(
  results: readonly ArmResult[], title: string, valueLabel: string, figure: string, unit = 1,
): DotPanel {
  const rows = results.flatMap(({ name, figures }) => {
    const spread = figures[figure]
    return spread === undefined ? [] : [{ name, spread: scaled(spread, unit) }]
  })
  return { kind: 'dots', title, valueLabel, rows }
}

function ratio(results: readonly ArmResult[], arm: ArmResult, figure: string): string {
  const base = armNamed(results, yardstick)
  return ratioCell(base === undefined ? undefined : ratioTo(base, arm, figure))
}

function medianCell(spread: Spread | undefined): string {
  return spread === undefined ? '–' : short(spread.median)
}

function inMiB(spread: Spread | undefined): Spread | undefined {
  return spread && scaled(spread, bytesPerMiB)
}

function scaled({ median, min, max }: Spread, unit: number): Spread {
  return { median: median / unit, min: min / unit, max: max / unit }
}
