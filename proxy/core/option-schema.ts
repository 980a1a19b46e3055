// The two kinds of value that configuration files write as text: durations and sizes. The keyword `unit` marks them, so
// that the loader can turn "250ms" into 250 and "1MiB" into 1048576 before anybody reads them.

import { Type } from 'typebox'
import type { TUnsafe } from 'typebox'

interface QuantityOptions {
  readonly description: string
  /** In the file's own spelling, as editors show it. */
  readonly default?: string | number
  readonly examples?: readonly (string | number)[]
  /** Bounds in ms or bytes, after reading. */
  readonly atLeast?: number
  readonly atMost?: number
}

/** What a duration looks like as text. */
export const durationPattern = '^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$'
/** What a size looks like as text. */
export const sizePattern = '^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|KB|MB|GB)$'

/** `"250ms"`, `"2s"`, `"5m"` or a number of milliseconds; read as milliseconds. */
export function Duration(options: QuantityOptions): TUnsafe<number> {
  return quantity('duration', durationPattern, options)
}

/** `"16KiB"`, `"1MiB"` or a number of bytes; read as bytes. */
export function Size(options: QuantityOptions): TUnsafe<number> {
  return quantity('size', sizePattern, options)
}

function quantity(unit: string, pattern: string, options: QuantityOptions): TUnsafe<number> {
  return Type.Unsafe<number>({
    anyOf: [{ type: 'string', pattern }, { type: 'number', minimum: 0 }],
    unit,
    ...options,
  })
}
