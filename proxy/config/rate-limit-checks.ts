// Rules about rate limits: each has a name of its own on its route, those for all routes are one limit everywhere, one
// that is to be shared needs a place where it is, and one by certificates a listener that asks for them.

import { limitName } from '../policies/rate-limit/limiter.ts'
import type { PartlyFile } from './effective-file.ts'
import type { Report } from './fault.ts'

/** One limit that is written whole. */
interface Written {
  readonly route: string
  readonly pointer: string
  readonly name: string
  readonly isForAll: boolean
  /** What two limits that are one have in common. */
  readonly terms: string
  readonly isShared: boolean
  /** By certificates, where nobody is asked for one. */
  readonly isBlind: boolean
}

export function rateLimitChecks(file: PartlyFile, report: Report): void {
  const written = file.routes?.flatMap((route, i) => limitsOf(file, route, i)) ?? []
  if (file.stores?.rateLimit === undefined) checkStore(written, report)
  for (const limit of written.filter(({ isBlind }) => isBlind)) reportBlind(limit, report)
  written.forEach((limit, i) => {
    const earlier = written.slice(0, i)
    const twin = earlier.find(({ route, name }) => route === limit.route && name === limit.name)
    if (twin !== undefined) return reportTwin(limit, report)
    const other = earlier.find(({ isForAll, name }) => isForAll && limit.isForAll && name === limit.name)
    if (other !== undefined && other.terms !== limit.terms) reportUnlike(limit, other, report)
  })
}

function limitsOf(
  { listeners }: PartlyFile, route: NonNullable<PartlyFile['routes']>[number], i: number,
): readonly Written[] {
  const options = route?.rateLimit
  if (options === undefined || options === 'off') return []
  const isList = 'length' in options
  const limits = isList ? options : options.limits ?? []
  const at = `/routes/${i}/rateLimit${isList ? '' : '/limits'}`
  return limits.flatMap((limit, j): Written[] => {
    const { key, rate, burst, name, maxKeys, shared } = limit ?? {}
    if (key === undefined || rate === undefined) return []
    const keys = [key].flat().filter((part) => part !== undefined)
    return [{
      route: route?.name ?? String(i), pointer: `${at}/${j}`, isShared: shared === true,
      name: limitName({ key: keys, rate, ...(name === undefined ? {} : { name }) }),
      isForAll: keys.includes('all'),
      isBlind: keys.includes('identity') && listeners?.[route?.listener ?? '']?.tls?.clientCa === undefined,
      terms: JSON.stringify([keys, rate, burst ?? Number.parseInt(rate, 10), maxKeys, shared]),
    }]
  })
}

function checkStore(limits: readonly Written[], report: Report): void {
  for (const { route, pointer } of limits.filter(({ isShared }) => isShared)) {
    report(`${pointer}/shared`, {
      code: 'rate-limit.no-store',
      message: `a limit of route "${route}" is to be shared by all instances, and nothing says where`,
      expected: '"stores": { "rateLimit": { "url": … } }', got: 'no such store',
      fix: 'name a Redis server under stores.rateLimit, or remove "shared"',
    })
  }
}

function reportBlind({ route, pointer }: Written, report: Report): void {
  report(`${pointer}/key`, {
    code: 'rate-limit.no-identity', message: `a limit of route "${route}" tells callers apart by their certificates, `
      + 'and its listener asks nobody for one: all of them share it',
    expected: '"tls": { "clientCa": … } on the listener', got: 'no clientCa', fix: 'add it, or choose another key',
  })
}

/** What callers have spent is kept under the name, and callers are told by it what refused them. */
function reportTwin({ route, pointer, name }: Written, report: Report): void {
  report(pointer, {
    code: 'rate-limit.duplicate-name', message: `two limits of route "${route}" have one name`,
    expected: 'a name of its own', got: JSON.stringify(name),
    fix: `give it one: "name": "${name.slice(0, 24)}-long"`,
  })
}

function reportUnlike({ route, pointer, name }: Written, other: Written, report: Report): void {
  report(pointer, {
    code: 'rate-limit.unlike',
    message: `limit "${name}" is one for all routes, and not the same on routes "${route}" and "${other.route}"`,
    expected: `what stands on route "${other.route}"`, got: 'another key, rate, burst, maxKeys or shared',
    fix: 'write it alike on both, or give one of them another "name"',
  })
}
