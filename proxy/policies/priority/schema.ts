// What a route says of the class of its requests.

import { Type } from 'typebox'
import type { TUnsafe } from 'typebox'

export type RoutePriority = 'critical' | 'default' | 'sheddable' | 'bypass'

export const prioritySchema: TUnsafe<RoutePriority> = Type.Unsafe({
  type: 'string', enum: ['critical', 'default', 'sheddable', 'bypass'],
  description: 'The highest class of this route\'s requests; callers may ask for a lower one. bypass: for probes, '
    + 'takes no permit and is never shed. Absent: default. off: default, whatever callers ask for.',
  examples: ['critical'],
})
