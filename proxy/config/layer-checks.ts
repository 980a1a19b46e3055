// Rules about what is sent again, elsewhere or not at all: repetition only of what may be repeated, second upstreams
// that exist, answers in the place of a failure that do not lie, faults on purpose that nobody forgot.

import { isIP } from 'node:net'
import { isIdempotent, isSafe } from '../core/methods.ts'
import type { PartlyFile } from './effective-file.ts'
import type { Report } from './fault.ts'
import { didYouMean, fixForName } from './schema-faults.ts'
import { nearest } from './suggest.ts'

type PartlyRoute = NonNullable<NonNullable<PartlyFile['routes']>[number]>

interface Place {
  readonly route: PartlyRoute
  /** `/routes/2`. */
  readonly at: string
  /** `route "pay"`. */
  readonly called: string
  /** Methods that the route names; null: it takes all. */
  readonly methods: readonly string[] | null
}

export function layerChecks(file: PartlyFile, report: Report): void {
  file.routes?.forEach((route, i) => {
    if (route === undefined) return
    const named = route.match?.methods?.filter((method) => method !== undefined) ?? null
    const place: Place = { route, at: `/routes/${i}`, called: `route "${route.name ?? i}"`, methods: named }
    checkRetry(file, place, report)
    checkHedge(file, place, report)
    checkFailover(file, place, report)
    checkFallback(place, report)
    checkFault(place, report)
  })
}

function checkFault({ route: { fault }, at, called }: Place, report: Report): void {
  if (fault === undefined || fault === 'off') return
  const [injections, written] = 'injections' in fault ? [fault.injections, '/injections'] : [fault, '']
  // What is no list is said elsewhere.
  if (!Array.isArray(injections)) return
  const open = injections.findIndex((one) => one !== undefined && one.header === undefined)
  if (open < 0) return
  report(`${at}/fault${written}/${open}`, {
    code: 'fault.strikes-anybody', message: `${called} injects a fault on purpose into the requests of every caller`,
    expected: 'a "header" that those who rehearse send', fix: 'name a "header", or remove it after the rehearsal',
  })
}

function checkRetry(file: PartlyFile, { route, at, called, methods }: Place, report: Report): void {
  const { retry, upstream } = route
  if (retry === undefined || retry === 'off' || retry.maxAttempts === 1) return
  const unsafe = methods?.filter((method) => !isIdempotent(method)) ?? []
  const deduplicates = file.upstreams?.[upstream ?? '']?.deduplicates
  if (unsafe.length === 0 || (deduplicates !== undefined && deduplicates !== 'off')) return
  report(`${at}/retry`, {
    code: 'retry.unsafe',
    message: `${called} would retry ${unsafe.join(', ')}, and upstream "${upstream ?? ''}" does not say that it acts `
      + 'once on requests with one key',
    expected: 'idempotent methods, or an upstream that deduplicates', got: unsafe.join(', '),
    fix: `write "deduplicates" under the upstream if that is true of it, or give ${unsafe.join(', ')} its own route`,
  })
}

function checkHedge(file: PartlyFile, { route, at, called, methods }: Place, report: Report): void {
  const { hedge, upstream } = route
  if (hedge === undefined || hedge === 'off') return
  const unsafe = methods?.filter((method) => !isSafe(method)) ?? []
  if (unsafe.length > 0) {
    report(`${at}/hedge`, {
      code: 'hedge.unsafe', message: `${called} would send ${unsafe.join(', ')} twice at a time`,
      expected: 'safe methods', got: unsafe.join(', '), fix: `give ${unsafe.join(', ')} a route without "hedge"`,
    })
  }
  const endpoints = file.upstreams?.[upstream ?? '']?.endpoints
  const only = endpoints?.[0]
  const url = typeof only === 'object' ? only.url : only
  // A name may stand for several addresses.
  if (endpoints?.length !== 1 || url === undefined || !isAddress(url)) return
  report(`${at}/hedge`, {
    code: 'hedge.one-endpoint', message: `${called} has no second endpoint to ask: nothing is ever hedged`,
    fix: `give upstream "${upstream ?? ''}" another endpoint, or remove "hedge"`,
  })
}

function checkFailover(file: PartlyFile, { route, at, called }: Place, report: Report): void {
  const { failover, upstream } = route
  const to = failover === undefined || failover === 'off' ? undefined : failover.to
  if (to === undefined || file.upstreams === undefined) return
  if (to === upstream) {
    report(`${at}/failover/to`, {
      code: 'failover.to-itself', message: `${called} would ask the same upstream instead`,
      expected: `another upstream than "${upstream}"`, got: JSON.stringify(to), fix: 'name another one, or use "retry"',
    })
  } else if (!Object.hasOwn(file.upstreams, to)) {
    const known = Object.keys(file.upstreams)
    const near = nearest(to, known)
    report(`${at}/failover/to`, {
      code: 'route.unknown-upstream',
      message: `${called} names upstream ${JSON.stringify(to)}, which does not exist${didYouMean(near)}`,
      fix: fixForName(near, known, 'upstreams'),
    })
  }
}

function checkFallback({ route, at, called, methods }: Place, report: Report): void {
  const { fallback } = route
  if (fallback === undefined || fallback === 'off') return
  const { status, headers, body, lastGood } = fallback
  if (status === undefined && headers === undefined && body === undefined && lastGood === undefined) {
    report(`${at}/fallback`, {
      code: 'fallback.empty', message: `the fallback of ${called} has nothing to answer with`,
      expected: 'lastGood, or a status, fields or a body', fix: 'write "lastGood": {} or a "status" and a "body"',
    })
  }
  const unsafe = methods?.filter((method) => !isSafe(method)) ?? ['every method']
  if (status === undefined || status >= 300 || unsafe.length === 0) return
  report(`${at}/fallback/status`, {
    code: 'fallback.false-success',
    message: `${called} takes ${unsafe.join(', ')}: its callers would be told of a success that nobody had`,
    expected: 'a status from 300, or a route of safe methods only', got: String(status),
    fix: 'answer with an error, or match GET and HEAD only',
  })
}

function isAddress(url: string): boolean {
  return URL.canParse(url) && isIP(new URL(url).hostname.replace(/^\[|\]$/g, '')) !== 0
}
