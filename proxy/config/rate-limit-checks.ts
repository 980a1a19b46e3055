// Rules about rate limits: a limit that is to be shared needs a place where it is.

import type { PartlyFile } from './effective-file.ts'
import type { Report } from './fault.ts'

export function rateLimitChecks(file: PartlyFile, report: Report): void {
  if (file.stores?.rateLimit !== undefined) return
  file.routes?.forEach((route, i) => {
    const options = route?.rateLimit
    if (options === undefined || options === 'off') return
    const isList = 'length' in options
    const limits = isList ? options : options.limits ?? []
    const at = `/routes/${i}/rateLimit${isList ? '' : '/limits'}`
    limits.forEach((limit, j) => {
      if (limit?.shared !== true) return
      report(`${at}/${j}/shared`, {
        code: 'rate-limit.no-store',
        message: `a limit of route "${route?.name ?? i}" is to be shared by all instances, and nothing says where`,
        expected: '"stores": { "rateLimit": { "url": … } }', got: 'no such store',
        fix: 'name a Redis server under stores.rateLimit, or remove "shared"',
      })
    })
  })
}
