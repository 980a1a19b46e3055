// The classes of requests, from the first to the last to be shed, and their numbers at an admission.

export type Priority = 'critical' | 'default' | 'sheddable'

/** By level. */
export const priorities: readonly Priority[] = ['critical', 'default', 'sheddable']

/** As admissions number them: 0 is served first. */
export const levelOf: { readonly [P in Priority]: number } = { critical: 0, default: 1, sheddable: 2 }
