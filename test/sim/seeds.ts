// How many seeds a law is tried under: a few in the ordinary run, all in the long one.

/** The first `few` of these; all of them in `npm run test:long`. */
export function seedsOf(all: readonly number[], few = 1): readonly number[] {
  return process.env['SEAWALL_TESTS'] === 'long' ? all : all.slice(0, few)
}
