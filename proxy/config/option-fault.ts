// Whether a word of the command line can be used where a value of the file would stand: the same formats, told with the
// option's name instead of a place in a text.

import { faultWithoutPlace } from './fault.ts'
import type { Fault } from './fault.ts'
import { formats } from './formats.ts'

/** Empty when `text` has the format. */
export function optionFaults(option: string, format: 'origin' | 'listen-address', text: string): readonly Fault[] {
  const rule = formats[format]
  if (rule === undefined || rule.accepts(text)) return []
  return [faultWithoutPlace(option, {
    code: 'config.format', message: `${option} cannot be used`, expected: rule.expected, got: JSON.stringify(text),
    fix: rule.fix,
  })]
}
