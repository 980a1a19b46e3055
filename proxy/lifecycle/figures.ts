// Where everything that moves in an instance is found when somebody looks: parts by upstream and route, for status and
// gauges.

import type { Part } from '../observe/inspect.ts'
import { figuresOf } from '../policies/shed/door-options.ts'
import { doorKey } from '../policies/shed/door.ts'
import type { Door } from '../policies/shed/door.ts'
import type { Instance } from './instance.ts'

/** The parts of an instance; asked anew at each look. */
export function* partsOf(instance: Instance): Iterable<Part> {
  for (const [upstream, door] of instance.parts.named<Door>(doorKey)) {
    yield { name: 'admission', upstream, route: null, inspect: () => figuresOf(door) }
    for (const group of door.admission.line.groups) {
      // The group without a name is that of all routes without a share: it has the whole ceiling.
      if (group.name === '') continue
      const inspect = (): Record<string, number> => ({ inUse: group.inUse, ceiling: group.ceiling })
      yield { name: 'bulkhead', upstream, route: group.name, inspect }
    }
  }
  yield* instance.parts.shown()
  for (const [name, upstream] of instance.upstreams) {
    yield { name: 'connections', upstream: name, route: null, inspect: () => upstream.inspect() }
    const inspect = (): Record<string, number> => ({ tunnels: instance.tunnels.count(name) })
    yield { name: 'tunnels', upstream: name, route: null, inspect }
  }
}
