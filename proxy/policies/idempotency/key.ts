// HOT PATH — runs for every request of a keyed route. Rules: docs/decisions/0004.
// The key as a caller wrote it: a structured string (RFC 8941 section 3.3.3) or, as practice has it, bare. Both
// spellings of one value are one key. What could be read in two ways is refused: two readers would charge twice.

import type { RawHeaders } from '../../core/raw-headers.ts'

export type KeyReading =
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'key'; readonly key: string }

/** Characters. */
export const longestKey = 255

/** What a structured string may hold, with its escapes. */
const quoted = /^"(?:[ !#-[\]-~]|\\["\\])*"$/
/** Visible ASCII without what would make it a list, parameters or half of a string. */
const bare = /^[!#-+\--:<-~]+$/

const absent: KeyReading = { kind: 'absent' }
const invalid: KeyReading = { kind: 'invalid' }

/** The key in the one field of that lower-case name; a shorter one is none. */
export function readKey(headers: RawHeaders, field: string, shortest: number): KeyReading {
  let value: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length !== field.length || (name !== field && name.toLowerCase() !== field)) continue
    if (value !== undefined) return invalid
    value = headers[i + 1] as string
  }
  if (value === undefined) return absent
  const key = keyOf(value)
  return key === null || key.length < shortest || key.length > longestKey ? invalid : { kind: 'key', key }
}

function keyOf(value: string): string | null {
  if (value.charCodeAt(0) !== 0x22) return bare.test(value) ? value : null
  // At most twice as long with every character escaped; longer ones are not worth a look.
  if (value.length > 2 * longestKey + 2 || !quoted.test(value)) return null
  const inner = value.slice(1, -1)
  return inner.includes('\\') ? inner.replace(/\\(["\\])/g, '$1') : inner
}
