// What one run comes to in numbers. Goodput is answers before the deadline by when they were asked for, a second; the
// latencies of those admitted, of those refused on arrival and of those refused out of a line are never mixed.
import type { Figures } from '../arms.ts'
import type { LoadReport } from '../generator/plan.ts'

export function figuresOf(report: LoadReport, seconds: number): Figures {
  const { outcomes, refusals = {}, watched } = report
  const ok = outcomes['2xx']
  const { 'on-arrival': onArrival, 'from-queue': fromQueue } = refusals
  const refused = (onArrival?.count ?? 0) + (fromQueue?.count ?? 0)
  const late = outcomes.timeout?.count ?? 0
  return {
    offeredPerSecond: report.offered / seconds,
    goodputPerSecond: (ok?.count ?? 0) / seconds,
    refused,
    latePerSecond: late / seconds,
    failed: report.offered - (ok?.count ?? 0) - refused - late,
    latenessP99Ms: report.lateness.p99Ms,
    ...ok && { admittedP50Ms: ok.p50Ms, admittedP99Ms: ok.p99Ms },
    ...onArrival && { arrivalP50Ms: onArrival.p50Ms, arrivalP99Ms: onArrival.p99Ms },
    ...refused > 0 && { fromQueueRatio: (fromQueue?.count ?? 0) / refused },
    ...fromQueue && { fromQueueP99Ms: fromQueue.p99Ms, fromQueueMaxMs: fromQueue.maxMs },
    ...watched && { cpuMs: watched.cpuMs, rssBytes: watched.memory.rssBytes },
  }
}
