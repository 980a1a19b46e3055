// Rules about time, bounds and shares: a deadline that cannot be met by what stands under it, bounds of a limit that
// exclude each other, and parts of a ceiling that do not add up. Mostly warnings: such a configuration works, only not
// as its writer thinks.

import { child } from './document.ts'
import type { PartlyFile } from './effective-file.ts'
import type { Report } from './fault.ts'
import { formatQuantity } from './quantity.ts'

/** Sums of decimal fractions are off by less than this. */
const rounding = 1e-9

export function budgetChecks(file: PartlyFile, report: Report): void {
  checkDrain(file, report)
  checkDeadlines(file, report)
  checkLimits(file, report)
  checkShares(file, report)
}

function duration(ms: number): string { return formatQuantity('duration', ms) }

function checkDrain(file: PartlyFile, report: Report): void {
  const { delay, timeout } = file.drain ?? {}
  if (delay === undefined || timeout === undefined || delay < timeout) return
  report('/drain/delay', {
    code: 'drain.delay-over-timeout',
    message: 'the drain would be over before it begins: timeout counts from the signal',
    expected: `a delay under the timeout of ${duration(timeout)}`, got: duration(delay),
    fix: 'shorten "delay" or lengthen "timeout"',
  })
}

function checkDeadlines(file: PartlyFile, report: Report): void {
  file.routes?.forEach((route, i) => {
    const deadline = on(route?.deadline)
    if (route === undefined || deadline?.max === undefined) return
    const { max } = deadline
    const name = `route "${route.name ?? i}"`
    if (deadline.default !== undefined && deadline.default > max) {
      report(`/routes/${i}/deadline/default`, {
        code: 'deadline.default-over-max',
        message: `${name} gives callers that ask for nothing more than any may ask for`,
        expected: `at most the max of ${duration(max)}`, got: duration(deadline.default),
        fix: 'lower "default" or raise "max"',
      })
    }
    const upstream = file.upstreams?.[route.upstream ?? '']
    const upstreamPointer = child('/upstreams', route.upstream ?? '')
    const own = on(route.timeouts)?.attempt
    const attempt = own ?? on(upstream?.timeouts)?.attempt
    if (attempt !== undefined && attempt > max) {
      report(own === undefined ? `${upstreamPointer}/timeouts/attempt` : `/routes/${i}/timeouts/attempt`, {
        code: 'timeouts.exceed-deadline', message: `on ${name} the deadline always ends before the attempt does`,
        expected: `at most the deadline's max of ${duration(max)}`, got: duration(attempt),
        fix: 'shorten the attempt or raise "deadline.max"',
      })
    }
    const maxWait = on(upstream?.bulkhead)?.maxWait
    if (maxWait !== undefined && maxWait >= max) {
      report(`${upstreamPointer}/bulkhead/maxWait`, {
        code: 'bulkhead.wait-exceeds-deadline',
        message: `requests of ${name} may wait until nothing of their time is left`,
        expected: `less than the deadline's max of ${duration(max)}`, got: duration(maxWait), fix: 'shorten "maxWait"',
      })
    }
  })
}

function checkLimits(file: PartlyFile, report: Report): void {
  for (const [name, upstream] of Object.entries(file.upstreams ?? {})) {
    const { initial, min = 0, max = Infinity } = on(upstream?.limit) ?? {}
    const at = `${child('/upstreams', name)}/limit`
    const told = (key: string, got: number, expected: string): void => report(`${at}/${key}`, {
      code: 'limit.bounds', message: `the limit of upstream "${name}" has bounds that exclude each other`,
      expected, got: String(got), fix: `change "${key}" or what it contradicts; leave out what need not be said`,
    })
    if (min > max) told('min', min, `at most its max of ${max}`)
    else if (initial !== undefined && initial > max) told('initial', initial, `at most its max of ${max}`)
    else if (initial !== undefined && initial < min) told('initial', initial, `at least its min of ${min}`)
  }
}

interface Share { readonly index: number; readonly name: string; readonly share: number | null }

function checkShares(file: PartlyFile, report: Report): void {
  const byUpstream = new Map<string, Share[]>()
  file.routes?.forEach((route, index) => {
    if (route?.upstream === undefined) return
    const share = on(route.bulkhead)?.share ?? null
    const shares = byUpstream.get(route.upstream) ?? []
    byUpstream.set(route.upstream, shares)
    shares.push({ index, name: route.name ?? String(index), share })
  })
  for (const [name, routes] of byUpstream) {
    const upstream = file.upstreams?.[name]
    if (upstream !== undefined) checkSharesOf(name, on(upstream.bulkhead)?.maxConcurrent ?? null, routes, report)
  }
}

function checkSharesOf(upstream: string, ceiling: number | null, routes: readonly Share[], report: Report): void {
  const shared = routes.filter((route) => route.share !== null)
  const last = shared.at(-1)
  if (last === undefined) return
  if (ceiling === null) {
    for (const { index, name } of shared) {
      report(`/routes/${index}/bulkhead/share`, {
        code: 'bulkhead.share-without-ceiling',
        message: `route "${name}" has a share of nothing: upstream "${upstream}" has no bulkhead`,
        fix: `set "bulkhead": { "maxConcurrent": … } on upstream "${upstream}"`,
      })
    }
    return
  }
  const sum = shared.reduce((total, { share }) => total + (share ?? 0), 0)
  const written = shared.map(({ name, share }) => `${name} ${share ?? 0}`).join(', ')
  const at = `/routes/${last.index}/bulkhead/share`
  if (sum > 1 + rounding) {
    report(at, {
      code: 'bulkhead.shares',
      message: `shares of upstream "${upstream}" overlap: these routes can take each other's part`,
      expected: 'at most 1 together', got: `${round(sum)} (${written})`, fix: 'lower shares until they add up to 1',
    })
  } else if (shared.length === routes.length && sum < 1 - rounding) {
    report(at, {
      code: 'bulkhead.shares', message: `part of the ceiling of upstream "${upstream}" can never be used`,
      expected: '1 together, since every route there has a share', got: `${round(sum)} (${written})`,
      fix: 'raise shares until they add up to 1, or leave one route without',
    })
  }
  for (const { index, name, share } of shared) {
    if (share === null || share * ceiling >= 1) continue
    report(`/routes/${index}/bulkhead/share`, {
      code: 'bulkhead.shares',
      message: `route "${name}" has less than one permit of upstream "${upstream}" and gets one`,
      expected: `at least ${round(1 / ceiling)}, one of ${ceiling}`, got: String(share),
      fix: 'raise the share or the ceiling',
    })
  }
}

function round(value: number): number { return Math.ceil(value * 1000) / 1000 }

/** The options of a policy that is on and written. */
function on<T extends object>(options: T | 'off' | undefined): T | undefined {
  return options === 'off' ? undefined : options
}
