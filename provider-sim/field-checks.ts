// Reads fields of foreign JSON and collects every fault found with its field, what was expected and what was got.
// A reader returns a stand-in when it complains, so one pass finds all faults; it never decides what a field means.

export interface Complaint {
  readonly field: string
  readonly expected: string
  readonly got: string
}

/** Thrown by whoever asked for a whole input, when at least one complaint was collected. */
export class InvalidInput extends Error {
  readonly complaints: readonly Complaint[]

  constructor(what: string, complaints: readonly Complaint[]) {
    const list = complaints.map((one) => `${one.field} must be ${one.expected}, got ${one.got}`)
    super(`Cannot read ${what}: ${list.join('; ')}`)
    this.name = 'InvalidInput'
    this.complaints = complaints
  }
}

export interface Range {
  readonly min: number
  readonly max: number
}

/** Node's timers hold 2^31 - 1 ms; a day is far inside and longer than any experiment. */
export const MAX_DURATION_MS = 24 * 3_600_000

/** The object's entries, or null with a complaint. Every key outside `known` is a complaint of its own. */
export function readObject(
  value: unknown,
  field: string,
  known: readonly string[],
  complaints: Complaint[],
): Readonly<Record<string, unknown>> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    complaints.push({ field: field === '' ? 'the input' : field, expected: 'an object', got: show(value) })
    return null
  }
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue
    complaints.push({ field: join(field, key), expected: `one of the keys ${known.join(', ')}`, got: 'an unknown key' })
  }
  return value as Readonly<Record<string, unknown>>
}

/** A number of milliseconds, or text with a unit: "250ms", "1.5s", "2m", "1h". */
export function readDurationMs(value: unknown, field: string, range: Range, complaints: Complaint[]): number {
  const parsed = typeof value === 'string' ? parseDurationMs(value) : value
  if (typeof parsed === 'number' && parsed >= range.min && parsed <= range.max) return parsed
  const expected = `a duration from ${range.min}ms to ${range.max}ms (ms number, or text such as "250ms", "2s", "5m")`
  complaints.push({ field, expected, got: show(value) })
  return range.min
}

export function readNumber(value: unknown, field: string, range: Range, complaints: Complaint[]): number {
  if (typeof value === 'number' && value >= range.min && value <= range.max) return value
  complaints.push({ field, expected: `a number from ${range.min} to ${range.max}`, got: show(value) })
  return range.min
}

export function readInteger(value: unknown, field: string, range: Range, complaints: Complaint[]): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= range.min && value <= range.max) return value
  complaints.push({ field, expected: `an integer from ${range.min} to ${range.max}`, got: show(value) })
  return range.min
}

export function readChoice<Choice extends string>(
  value: unknown,
  field: string,
  choices: readonly [Choice, ...Choice[]],
  complaints: Complaint[],
): Choice {
  const found = choices.find((choice) => choice === value)
  if (found !== undefined) return found
  complaints.push({ field, expected: `one of ${choices.map(show).join(', ')}`, got: show(value) })
  return choices[0]
}

export function readText(value: unknown, field: string, maxLength: number, complaints: Complaint[]): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= maxLength) return value
  complaints.push({ field, expected: `a text of 1 to ${maxLength} characters`, got: show(value) })
  return ''
}

/** The JSON value in `text`, or a complaint about `field`. */
export function readJson(text: string, field: string, complaints: Complaint[]): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    complaints.push({ field, expected: 'valid JSON', got: reason })
    return null
  }
}

export function join(field: string, key: string): string {
  return field === '' ? key : `${field}.${key}`
}

/** How a value appears in a message: JSON, cut where it would hide the rest of the line. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value) ?? typeof value
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

function parseDurationMs(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text)
  return match === null ? null : Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? 0)
}
