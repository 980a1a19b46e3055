// What a meter shows of one family, for tests of policies that count.

import type { Labels, PolicyFamily } from '../../proxy/core/meter.ts'
import type { PolicyMeter } from '../../proxy/observe/policy-meter.ts'

/** The sum over all series that have these labels; 0 when there is none. */
export function meterValue(meter: PolicyMeter, name: PolicyFamily, labels: Labels = {}): number {
  const family = meter.families().find((known) => known.name === name)
  return (family?.samples() ?? [])
    .filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0)
}
