// Rules between parts of the configuration that no schema can say: names that must exist, addresses that must differ,
// routes that must be reachable. They run on whatever is valid, so that one slip does not hide another.

import { isHopByHop } from '../core/hop-by-hop.ts'
import { collide, formatAddress, isLoopback, parseAddress } from './address.ts'
import type { ListenAddress } from '../core/configuration.ts'
import { budgetChecks } from './budget-checks.ts'
import { child } from './document.ts'
import type { ConfigurationDocument } from './document.ts'
import type { PartlyFile } from './effective-file.ts'
import type { Fault, Report } from './fault.ts'
import { layerChecks } from './layer-checks.ts'
import { coveredBy } from './route-coverage.ts'
import type { RoutePattern } from './route-coverage.ts'
import { didYouMean, fixForName } from './schema-faults.ts'
import { idempotencyChecks } from './idempotency-checks.ts'
import { rateLimitChecks } from './rate-limit-checks.ts'
import { nearest } from './suggest.ts'

/** Everything that does not fit together. */
export function crossChecks(file: PartlyFile, document: ConfigurationDocument): readonly Fault[] {
  const faults: Fault[] = []
  const report: Report = (pointer, finding) => { faults.push(document.faultAt(pointer, finding)) }
  checkAddresses(file, document, report)
  checkAdmin(file, document, report)
  checkSelf(file, report)
  checkNames(file, report)
  checkReferences(file, document, faults)
  checkShadows(file, report)
  checkHeads(file, report)
  budgetChecks(file, report)
  idempotencyChecks(file, report)
  rateLimitChecks(file, report)
  layerChecks(file, report)
  return faults
}

interface Stand { readonly pointer: string; readonly label: string; readonly address: ListenAddress }

function standsOf(file: PartlyFile): readonly Stand[] {
  const written = [
    ...Object.entries(file.listeners ?? {}).map(([name, listener]) => ({
      pointer: child(child('/listeners', name), 'listen'), label: `listener "${name}"`, text: listener?.listen,
    })),
    { pointer: '/probe/listen', label: 'the probe listener', text: file.probe?.listen },
    { pointer: '/admin/listen', label: 'the admin listener', text: file.admin?.listen },
  ]
  return written.flatMap(({ pointer, label, text }) => {
    const address = text === undefined ? null : parseAddress(text)
    return address === null ? [] : [{ pointer, label, address }]
  })
}

function checkAddresses(file: PartlyFile, document: ConfigurationDocument, report: Report): void {
  const stands = standsOf(file)
  stands.forEach((stand, i) => {
    const other = stands.slice(0, i).find(({ address }) => collide(address, stand.address))
    if (other === undefined) return
    // The admin listener stands somewhere by default; the fault belongs where something is written.
    const [here, there] = document.has(stand.pointer) ? [stand, other] : [other, stand]
    report(here.pointer, {
      code: 'listener.address-shared', message: `${here.label} and ${there.label} cannot both stand there`,
      expected: 'an address of its own',
      got: `${formatAddress(here.address)} beside ${formatAddress(there.address)}`,
      fix: 'give one of them another port',
    })
  })
}

function checkAdmin(file: PartlyFile, document: ConfigurationDocument, report: Report): void {
  const address = file.admin?.listen === undefined ? null : parseAddress(file.admin.listen)
  if (address === null || isLoopback(address) || document.has('/admin/token')) return
  report('/admin/listen', {
    code: 'admin.exposed', message: 'whoever reaches the admin listener can change this instance',
    expected: 'a loopback address, a unix socket, or a token', got: formatAddress(address),
    fix: 'listen on 127.0.0.1, or set "token": "${file:/run/secrets/admin-token}"; for /metrics use "probe"',
  })
}

/** A request that comes back to where it came from is refused as a loop: such an upstream can never answer. */
function checkSelf(file: PartlyFile, report: Report): void {
  const stands = standsOf(file)
  for (const [name, upstream] of Object.entries(file.upstreams ?? {})) {
    upstream?.endpoints?.forEach((endpoint, i) => {
      const text = typeof endpoint === 'object' ? endpoint.url : endpoint
      if (text === undefined || !URL.canParse(text)) return
      const url = new URL(text)
      const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
      const address: ListenAddress = { kind: 'tcp', host: url.hostname.replace(/^\[|\]$/g, ''), port }
      const own = stands.find((stand) => stand.address.kind === 'tcp' && collide(stand.address, address)
        && (isLoopback(address) || stand.address.host === address.host))
      if (own === undefined) return
      report(child(child(child('/upstreams', name), 'endpoints'), i), {
        code: 'upstream.is-self', message: `upstream "${name}" leads back to ${own.label} of this instance`,
        expected: 'the address of a service', got: JSON.stringify(text),
        fix: 'write where the service itself listens',
      })
    })
  }
}

function checkNames(file: PartlyFile, report: Report): void {
  const first = new Map<string, number>()
  file.routes?.forEach((route, i) => {
    if (route?.name === undefined) return
    const earlier = first.get(route.name)
    if (earlier === undefined) {
      first.set(route.name, i)
      return
    }
    report(`/routes/${i}/name`, {
      code: 'config.duplicate-name', message: `routes[${i}] and routes[${earlier}] have one name`,
      expected: 'a name of its own', got: JSON.stringify(route.name), fix: 'rename one: it is a metric label',
    })
  })
}

/** Names in routes, and what no route leads to. */
function checkReferences(file: PartlyFile, document: ConfigurationDocument, faults: Fault[]): void {
  const raw = document.value as { readonly listeners?: object; readonly upstreams?: object }
  for (const [key, code] of [['listener', 'route.unknown-listener'], ['upstream', 'route.unknown-upstream']] as const) {
    const section = raw[`${key}s`]
    if (typeof section !== 'object' || section === null || Array.isArray(section)) continue
    const known = Object.keys(section)
    const meant = new Set<string>()
    let isComplete = file.routes !== undefined
    file.routes?.forEach((route, i) => {
      const { failover } = route ?? {}
      if (key === 'upstream' && typeof failover === 'object' && failover.to !== undefined) meant.add(failover.to)
      const name = route?.[key]
      if (name === undefined) isComplete = false
      else if (known.includes(name)) meant.add(name)
      else {
        const near = nearest(name, known)
        if (near !== null) meant.add(near)
        faults.push(document.faultAt(`/routes/${i}/${key}`, {
          code, message: `${route?.name === undefined ? `routes[${i}]` : `route "${route.name}"`} names ${key} ${
            JSON.stringify(name)}, which does not exist${didYouMean(near)}`,
          fix: fixForName(near, known, `${key}s`),
        }))
      }
    })
    // A route whose name is wrong in itself may have meant any of them.
    if (!isComplete) continue
    for (const name of Object.keys(file[`${key}s`] ?? {}).filter((candidate) => !meant.has(candidate))) {
      faults.push(document.faultAtKey(child(`/${key}s`, name), key === 'upstream'
        ? { code: 'upstream.unused', message: `no route leads to upstream "${name}"`, fix: 'remove it, or add a route' }
        : { code: 'listener.without-route', message: `listener "${name}" has no route: every request there is a 404`,
          fix: 'remove it, or add a route' }))
    }
  }
}

function checkShadows(file: PartlyFile, report: Report): void {
  const routes = file.routes ?? []
  const patterns = routes.map((route): (RoutePattern & { listener: string }) | null => {
    const { path, methods, host } = route?.match ?? {}
    if (path === undefined || route?.listener === undefined) return null
    if (methods?.includes(undefined) === true) return null
    const whole = (methods ?? null) as readonly string[] | null
    return { listener: route.listener, path, host: host ?? null, methods: whole }
  })
  patterns.forEach((pattern, i) => {
    if (pattern === null) return
    const earlier = patterns.slice(0, i).map((other) => other?.listener === pattern.listener ? other : null)
    const cover = coveredBy(pattern, earlier)
    if (cover === null) return
    const names = cover.map((at) => `"${routes[at]?.name ?? `routes[${at}]`}"`).join(' and ')
    report(`/routes/${i}/match`, {
      code: 'route.shadowed',
      message: `route "${routes[i]?.name ?? i}" is never reached: ${names} before it ${
        cover.length === 1 ? 'matches' : 'match'} all that it does`,
      fix: `move it before ${names}: the first match in the file wins`,
    })
  })
}

/** Fields that frame or address a message are this proxy's own business; so are prefixes that are not there. */
function checkHeads(file: PartlyFile, report: Report): void {
  file.routes?.forEach((route, i) => {
    for (const side of ['request', 'response'] as const) {
      const { set, remove } = route?.headers?.[side] ?? {}
      const base = `/routes/${i}/headers/${side}`
      for (const name of Object.keys(set ?? {})) checkHead(child(`${base}/set`, name), name, report)
      remove?.forEach((name, at) => { if (name !== undefined) checkHead(`${base}/remove/${at}`, name, report) })
    }
    const prefix = route?.rewrite?.stripPrefix ?? ''
    const path = route?.match?.path
    if (prefix === '' || path === undefined || path === prefix || path.startsWith(`${prefix}/`)) return
    report(`/routes/${i}/rewrite/stripPrefix`, {
      code: 'route.strip-prefix', message: `route "${route?.name ?? i}" takes paths that do not begin with the prefix`,
      expected: `the beginning of ${path}`, got: JSON.stringify(prefix), fix: `match "${prefix}/*", or strip less`,
    })
  })
}

const framing: ReadonlySet<string> = new Set(['host', 'content-length', 'trailer', 'expect'])

function checkHead(pointer: string, name: string, report: Report): void {
  const lower = name.toLowerCase()
  if (!framing.has(lower) && !isHopByHop(lower)) return
  report(pointer, {
    code: 'route.reserved-header', message: `the field ${lower} frames or addresses the message`,
    expected: 'a field that passes through', got: JSON.stringify(name),
    fix: lower === 'host' ? 'set "host" under the upstream' : 'remove it',
  })
}
