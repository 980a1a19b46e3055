// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// Which plan a request belongs to. Routes are tried in the order of the file and the first match wins; the tree below
// only makes finding it independent of how many there are. Matching happens on a canonical copy of the path, so that
// `/a/../b`, `/%62` and `//b` are decided as what they mean; what goes upstream is the original.

import type { Plan } from '../core/plan.ts'

/** What the table needs to know of a route. */
export interface RouteMatch {
  readonly listener: string
  /** Upper-case; null: every method. */
  readonly methods: readonly string[] | null
  /** Lower-case, without port; null: every host. */
  readonly host: string | null
  /** `/exact`, `/with/:parameter`, or a prefix with a final `*`. */
  readonly path: string
}

interface Entry {
  readonly order: number
  readonly methods: ReadonlySet<string> | null
  readonly host: string | null
  readonly plan: Plan
}

interface Node {
  readonly children: Map<string, Node>
  parameter: Node | null
  /** Routes that end here, in order. */
  readonly exact: Entry[]
  /** Routes that go on with `*` here, by the text that the next segment must begin with. */
  readonly prefixes: { readonly text: string; readonly entry: Entry }[]
}

export class RouteTable {
  readonly #roots = new Map<string, Node>()

  constructor(routes: readonly { readonly match: RouteMatch; readonly plan: Plan }[]) {
    routes.forEach(({ match, plan }, order) => this.#add(match, plan, order))
  }

  /** The plan of the first route that matches; null: there is none. */
  find(listener: string, method: string, authority: string, path: string): Plan | null {
    const root = this.#roots.get(listener)
    if (root === undefined) return null
    const query: Query = { method, authority, host: null, segments: canonicalPath(path).split('/'), best: null }
    search(root, query, 1)
    return query.best?.plan ?? null
  }

  #add(match: RouteMatch, plan: Plan, order: number): void {
    const methods = match.methods === null ? null : new Set(match.methods)
    const entry: Entry = { order, methods, host: match.host, plan }
    let node = this.#roots.get(match.listener)
    if (node === undefined) this.#roots.set(match.listener, node = newNode())
    const isPrefix = match.path.endsWith('*')
    const segments = (isPrefix ? match.path.slice(0, -1) : match.path).split('/')
    const last = isPrefix ? segments.length - 1 : segments.length
    for (let i = 1; i < last; i++) node = descend(node, segments[i] as string)
    if (isPrefix) node.prefixes.push({ text: segments[last] as string, entry })
    else node.exact.push(entry)
  }
}

interface Query {
  readonly method: string
  readonly authority: string
  /** Made of the authority when a route first asks for it. */
  host: string | null
  readonly segments: readonly string[]
  best: Entry | null
}

function newNode(): Node {
  return { children: new Map(), parameter: null, exact: [], prefixes: [] }
}

function descend(node: Node, segment: string): Node {
  if (segment.startsWith(':')) return node.parameter ??= newNode()
  let child = node.children.get(segment)
  if (child === undefined) node.children.set(segment, child = newNode())
  return child
}

/** Depth is bounded by the segments of the longest route, not of the path. */
function search(node: Node, query: Query, depth: number): void {
  const segment = query.segments[depth]
  for (const { text, entry } of node.prefixes) {
    if (segment !== undefined && segment.startsWith(text)) consider(entry, query)
  }
  if (segment === undefined) {
    for (const entry of node.exact) consider(entry, query)
    return
  }
  const child = node.children.get(segment)
  if (child !== undefined) search(child, query, depth + 1)
  if (node.parameter !== null && segment !== '') search(node.parameter, query, depth + 1)
}

function consider(entry: Entry, query: Query): void {
  if (query.best !== null && query.best.order < entry.order) return
  if (entry.methods !== null && !entry.methods.has(query.method)) return
  if (entry.host !== null && entry.host !== (query.host ??= hostOf(query.authority))) return
  query.best = entry
}

/** Host of an authority: lower-case, without port. */
export function hostOf(authority: string): string {
  const colon = authority.lastIndexOf(':')
  const host = colon > authority.lastIndexOf(']') ? authority.slice(0, colon) : authority
  return host.toLowerCase()
}

/** What would change under canonicalisation; most paths have none of it. */
const needsWork = /[%\\]|\/\/|\/\./

/** Unreserved characters decoded, `\` as `/`, repeated slashes joined, dot segments resolved (RFC 3986 section 6.2). */
export function canonicalPath(path: string): string {
  // `OPTIONS *` asks about the whole server: it belongs to whoever takes every path.
  if (path === '*') return '/'
  if (!needsWork.test(path)) return path
  const decoded = path.replace(/%([0-9a-fA-F]{2})/g, (whole, hex: string) => {
    const char = String.fromCharCode(parseInt(hex, 16))
    // An encoded slash or dot is what attackers hide a path behind; a service that decodes it sees the same as we do.
    return /[A-Za-z0-9\-._~/\\]/.test(char) ? char : whole.toUpperCase()
  }).replaceAll('\\', '/')
  const kept: string[] = []
  const segments = decoded.split('/')
  segments.forEach((segment, i) => {
    const isLast = i === segments.length - 1
    if (segment === '..') kept.pop()
    if (segment === '.' || segment === '..') {
      if (isLast) kept.push('')
    } else if (segment !== '' || isLast) kept.push(segment)
  })
  return '/' + kept.join('/')
}
