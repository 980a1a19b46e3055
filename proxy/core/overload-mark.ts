// How an upstream says that it is not broken but full: the signs by which a 503 or 429 counts as marked overload.

import type { Reply } from './outcome.ts'

const draining = /details="?drain\./
const marked = /details="?(?:shed|drain|bulkhead)\./

/**
 * Whether this answer says so: `x-envoy-overloaded`, `retry-after`, or the `proxy-status` of a Seawall that is believed
 * (an upstream of type seawall).
 */
export function isMarkedOverload({ status, headers }: Reply, believesProxyStatus: boolean): boolean {
  if (status !== 503 && status !== 429) return false
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase()
    if (name === 'x-envoy-overloaded' || name === 'retry-after') return true
    if (believesProxyStatus && name === 'proxy-status' && marked.test(headers[i + 1] as string)) return true
  }
  return false
}

/** Whether it is the answer of a Seawall (an upstream of type seawall) that leaves: others can be asked. */
export function isMarkedDrain({ status, headers }: Reply): boolean {
  if (status !== 503) return false
  for (let i = 0; i < headers.length; i += 2) {
    if ((headers[i] as string).toLowerCase() === 'proxy-status' && draining.test(headers[i + 1] as string)) return true
  }
  return false
}
