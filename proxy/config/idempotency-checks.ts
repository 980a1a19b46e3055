// Rules about keys: what a store can promise to whom, what a route that charges must say, and options that together
// mean something else than each of them. Mostly warnings; what they warn of is what a team finds out too late.

import type { PartlyFile } from './effective-file.ts'
import type { Report } from './fault.ts'
import { child } from './document.ts'
import { providerOf } from './provider-profiles.ts'
import { formatQuantity } from './quantity.ts'

export function idempotencyChecks(file: PartlyFile, report: Report): void {
  checkStore(file, report)
  for (const name of Object.keys(file.upstreams ?? {})) checkProvider(file, name, report)
  const first = file.routes?.findIndex((route) => on(route?.idempotency) !== undefined) ?? -1
  if (first < 0) return
  const { type } = file.stores?.idempotency ?? {}
  if (type === 'memory' || type === 'lmdb') {
    report(`/routes/${first}/idempotency`, {
      code: 'idempotency.store-is-local',
      message: `keys are kept by this ${type === 'memory' ? 'process' : 'host'} alone: replicas protect nothing of `
        + 'each other, and one key can be executed once by each',
      expected: 'redis, or a single replica', got: type,
      fix: 'set "stores": { "idempotency": { "type": "redis", "url": … } } where there are several replicas',
    })
  }
  file.routes?.forEach((_route, i) => { checkRoute(file, i, report) })
}

function checkStore(file: PartlyFile, report: Report): void {
  const store = file.stores?.idempotency
  if (store === undefined) return
  const where = [store.url, store.sentinel, store.cluster].filter((one) => one !== undefined).length
  if (store.type === 'redis' ? where === 1 : where === 0) return
  report('/stores/idempotency', store.type === 'redis'
    ? {
      code: 'stores.where', message: 'a store of type redis is at one place',
      expected: 'one of "url", "sentinel" and "cluster"', got: `${where} of them`, fix: 'keep one of them',
    }
    : {
      code: 'stores.where', message: `a store of type ${store.type} is not reached over the network`,
      expected: '"type": "redis"', got: JSON.stringify(store.type), fix: 'set "type": "redis", or remove its address',
    })
}

function checkRoute(file: PartlyFile, i: number, report: Report): void {
  const route = file.routes?.[i]
  const options = on(route?.idempotency)
  if (route === undefined || options === undefined) return
  const at = `/routes/${i}/idempotency`
  const name = `route "${route.name ?? i}"`
  const upstream = file.upstreams?.[route.upstream ?? '']
  if (options.scope === undefined) {
    report(at, {
      code: 'idempotency.no-scope',
      message: `${name} does not say whose keys they are: two callers that choose one key get in each other's way`,
      expected: '"scope": "header:NAME", "credential", "mtls" or "none"', got: 'none of them',
      fix: 'say what tells callers apart, or "none" where there is one',
    })
  }
  if (options.inDoubt === 'retry' && on(upstream?.deduplicates) === undefined) {
    report(`${at}/inDoubt`, {
      code: 'idempotency.retries-doubts',
      message: `${name} sends again what was perhaps executed, to an upstream that does not say that it deduplicates`,
      expected: '"reject", or "deduplicates" on the upstream', got: '"retry"',
      fix: 'set "deduplicates" on the upstream if it acts once on a key; else remove this',
    })
  }
  if (options.required === true && options.storeFailure === 'open') {
    report(`${at}/storeFailure`, {
      code: 'idempotency.fails-open',
      message: `${name} requires keys, and forgets them while the store is down: then a repetition may charge twice`,
      expected: '"closed"', got: '"open"', fix: 'remove it',
    })
  }
  const { exclude = [], mode = 'raw' } = options.fingerprint ?? {}
  if (exclude.length > 0 && mode !== 'json') {
    report(`${at}/fingerprint/exclude`, {
      code: 'idempotency.excludes-of-bytes', message: `${name} compares bodies as bytes, which have no members`,
      expected: '"mode": "json" beside it', got: JSON.stringify(mode),
      fix: 'set "mode": "json", or remove it',
    })
  }
  checkTimes(file, i, report)
}

/** How long a key and its answer are kept, against what needs them. */
function checkTimes(file: PartlyFile, i: number, report: Report): void {
  const route = file.routes?.[i]
  const options = on(route?.idempotency)
  if (route === undefined || options === undefined) return
  const at = `/routes/${i}/idempotency`
  const name = `route "${route.name ?? i}"`
  const max = on(route.deadline)?.max
  if (options.ttl !== undefined && max !== undefined && options.ttl < max) {
    report(`${at}/ttl`, {
      code: 'idempotency.ttl-too-short', message: `${name} forgets a key before the deadline of its request is over`,
      expected: `at least the deadline's max of ${formatQuantity('duration', max)}, and as long as callers repeat`,
      got: formatQuantity('duration', options.ttl), fix: 'lengthen "ttl"',
    })
  }
  const maxAge = options.replay?.maxAge
  if (options.ttl !== undefined && maxAge !== undefined && maxAge > options.ttl) {
    report(`${at}/replay/maxAge`, {
      code: 'idempotency.max-age-beyond-ttl', message: `${name} forgets answers before they are too old to be shown`,
      expected: `at most the "ttl" of ${formatQuantity('duration', options.ttl)}`,
      got: formatQuantity('duration', maxAge), fix: 'remove it, or lengthen "ttl"',
    })
  }
}

/** What is said of a provider that we know, beside what it says itself. */
function checkProvider(file: PartlyFile, name: string, report: Report): void {
  const upstream = file.upstreams?.[name]
  const options = on(upstream?.deduplicates)
  if (upstream === undefined || options === undefined) return
  const first = upstream.endpoints?.[0]
  const url = typeof first === 'string' ? first : first?.url
  const host = upstream.host ?? (url !== undefined && URL.canParse(url) ? new URL(url).host : '')
  const profile = providerOf(host)
  if (profile === null) return
  const at = child(child('/upstreams', name), 'deduplicates')
  const { retentionMs, header } = profile
  if (header === null || (options.header !== undefined && options.header.toLowerCase() !== header)) {
    report(at, {
      code: 'deduplicates.other-field',
      message: `${profile.name} does not look for keys in ${options.header ?? 'a field'}`,
      expected: header ?? 'a key in the body, which this proxy does not write', got: options.header ?? 'a field',
      fix: header === null ? 'remove it, unless you know better' : `set "header": "${header}"`,
    })
  }
  if (retentionMs !== null && options.for !== undefined && options.for > retentionMs) {
    report(`${at}/for`, {
      code: 'deduplicates.beyond-retention', message: `${profile.name} may have forgotten a key by then`,
      expected: `at most ${formatQuantity('duration', retentionMs)}`, got: formatQuantity('duration', options.for),
      fix: `set "for": "${formatQuantity('duration', retentionMs)}", or less`,
    })
  }
}

/** The options of a policy that is on and written. */
function on<T extends object>(options: T | 'off' | undefined): T | undefined {
  return options === 'off' ? undefined : options
}
