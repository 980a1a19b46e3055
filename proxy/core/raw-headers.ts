// Header fields as they travel: a flat list of name, value, name, value, in order and case as received. Why flat: a
// proxy must keep order, case and repetition, and one array is the cheapest thing that does.

/** `[name, value, name, value, …]`, strings of bytes (latin1), at even length. */
export type RawHeaders = readonly string[]

/** The value of the only field called `lowerName`; undefined when there is none, or more than one. */
export function onlyValue(headers: RawHeaders, lowerName: string): string | undefined {
  let found: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length !== lowerName.length || name.toLowerCase() !== lowerName) continue
    if (found !== undefined) return undefined
    found = headers[i + 1]
  }
  return found
}

/** The value of the first field called `lowerName` (any case), or undefined. */
export function firstValue(headers: RawHeaders, lowerName: string): string | undefined {
  const length = lowerName.length
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length === length && (name === lowerName || name.toLowerCase() === lowerName)) return headers[i + 1]
  }
  return undefined
}
