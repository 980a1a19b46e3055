// Whether one route takes everything that another one takes: by method, host and path, as pipeline/route-table.ts
// matches them. A route covered by those before it never acts.

export interface RoutePattern {
  /** Null: every method. */
  readonly methods: readonly string[] | null
  /** Null: every host. */
  readonly host: string | null
  readonly path: string
}

/** Indexes of those of `earlier` that together take everything `route` takes; null: something is left for it. */
export function coveredBy(route: RoutePattern, earlier: readonly (RoutePattern | null)[]): readonly number[] | null {
  const candidates = earlier.flatMap((other, index) =>
    other !== null && (other.host === null || other.host === route.host) && beginsAlike(other.path, route.path)
      && coversPath(other.path, route.path)
      ? [{ index, methods: other.methods }]
      : [])
  const whole = candidates.find(({ methods }) => methods === null)
  if (route.methods === null) return whole === undefined ? null : [whole.index]
  const needed = route.methods.map((method) =>
    candidates.find(({ methods }) => methods === null || methods.includes(method))?.index)
  return needed.every((index) => index !== undefined) ? [...new Set(needed)] : null
}

/** Of a thousand routes every pair is asked: most differ in their first letters, before anything has a meaning. */
function beginsAlike(outer: string, inner: string): boolean {
  for (let i = 0; i < outer.length; i++) {
    const letter = outer[i]
    if (letter === '*' || letter === ':') return true
    if (letter !== inner[i]) return false
  }
  return outer.length === inner.length
}

/** Whether every path that `inner` matches is matched by `outer`. */
export function coversPath(outer: string, inner: string): boolean {
  const outerSegments = outer.split('/')
  const innerSegments = inner.split('/')
  for (let i = 1; i < outerSegments.length; i++) {
    const wide = outerSegments[i] ?? ''
    const narrow = innerSegments[i]
    if (narrow === undefined) return false
    if (wide.endsWith('*')) return coversStart(wide.slice(0, -1), narrow)
    if (narrow.endsWith('*')) return false
    if (wide.startsWith(':') ? narrow === '' : wide !== narrow) return false
  }
  return outerSegments.length === innerSegments.length
}

/** Whether every segment that `narrow` stands for begins with `text`. */
function coversStart(text: string, narrow: string): boolean {
  return text === '' || (!narrow.startsWith(':') && narrow.replace(/\*$/, '').startsWith(text))
}
