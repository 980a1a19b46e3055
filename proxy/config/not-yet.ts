// Features that Seawall is designed to have and this version does not: their keys are unknown, and the fault says so
// plainly, instead of proposing a word that looks like them. A key leaves this list when its schema exists.

const everywhere: Readonly<Record<string, readonly string[]>> = {
  '': ['defaults', 'policies'],
  listener: [],
  upstream: [],
  route: [],
}

const places: readonly (readonly [RegExp, string])[] = [
  [/^$/, ''],
  [/^\/listeners\/[^/]+$/, 'listener'],
  [/^\/upstreams\/[^/]+$/, 'upstream'],
  [/^\/routes\/[0-9]+$/, 'route'],
]

/** Whether `key`, unknown to the schema under `pointer`, is a feature that has yet to come. */
export function isNotYet(pointer: string, key: string): boolean {
  const place = places.find(([pattern]) => pattern.test(pointer))
  return place !== undefined && (everywhere[place[1]]?.includes(key) ?? false)
}
