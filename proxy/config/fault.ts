// What is wrong with a configuration, and where: the value that every check hands back, so that all faults are told at
// once. It knows nothing of terminals; render.ts prints it.

import type { Source, Span } from './source.ts'

export type Severity = 'error' | 'warning'

const severities = {
  'config.unreadable': 'error',
  'config.syntax': 'error',
  'config.too-large': 'error',
  'config.duplicate-key': 'error',
  'config.forbidden-key': 'error',
  'config.unknown-key': 'error',
  'config.not-in-this-version': 'error',
  'config.missing-key': 'error',
  'config.version': 'error',
  'config.type': 'error',
  'config.value': 'error',
  'config.range': 'error',
  'config.format': 'error',
  'config.name': 'error',
  'config.variable-syntax': 'error',
  'config.unresolved-variable': 'error',
  'config.unreadable-file': 'error',
  'config.duplicate-name': 'error',
  'listener.address-shared': 'error',
  'listener.without-route': 'warning',
  'listener.tls-unreadable': 'error',
  'listener.tls-malformed': 'error',
  'listener.tls-key-mismatch': 'error',
  'listener.tls-expired': 'error',
  'admin.exposed': 'error',
  'drain.delay-over-timeout': 'error',
  'route.unknown-upstream': 'error',
  'route.unknown-listener': 'error',
  'route.shadowed': 'error',
  'route.strip-prefix': 'error',
  'route.reserved-header': 'error',
  'upstream.unused': 'warning',
  'upstream.tls-unreadable': 'error',
  'upstream.tls-malformed': 'error',
  'upstream.tls-key-mismatch': 'error',
  'upstream.tls-expired': 'error',
  'upstream.tls-incomplete': 'error',
  'upstream.tls-unverified': 'warning',
  'upstream.tls-unused': 'warning',
  'upstream.is-self': 'error',
  'deadline.default-over-max': 'error',
  'timeouts.exceed-deadline': 'warning',
  'retry.unsafe': 'error',
  'hedge.unsafe': 'error',
  'hedge.one-endpoint': 'warning',
  'failover.to-itself': 'error',
  'fallback.false-success': 'error',
  'fallback.empty': 'error',
  'fault.strikes-anybody': 'warning',
  'limit.bounds': 'error',
  'bulkhead.wait-exceeds-deadline': 'warning',
  'bulkhead.share-without-ceiling': 'warning',
  'bulkhead.shares': 'warning',
  'stores.where': 'error',
  'deduplicates.other-field': 'warning',
  'deduplicates.beyond-retention': 'warning',
  'rate-limit.no-store': 'error',
  'rate-limit.duplicate-name': 'error',
  'rate-limit.unlike': 'error',
  'rate-limit.no-identity': 'warning',
  'idempotency.store-is-local': 'warning',
  'idempotency.no-scope': 'warning',
  'idempotency.retries-doubts': 'warning',
  'idempotency.fails-open': 'warning',
  'idempotency.ttl-too-short': 'error',
  'idempotency.max-age-beyond-ttl': 'warning',
  'idempotency.excludes-of-bytes': 'error',
} as const satisfies Record<string, Severity>

/** The closed list of what `validate` may say. */
export type ConfigurationFaultCode = keyof typeof severities

/** Every code with its severity: errors keep a configuration from being used, warnings do not. */
export const faultSeverities: { readonly [C in ConfigurationFaultCode]: Severity } = severities

export interface Fault {
  readonly severity: Severity
  readonly code: ConfigurationFaultCode
  /** Name of the file as it was given, or of the command-line option. */
  readonly file: string
  /** From 1; 0 where there is no text to point at. */
  readonly line: number
  /** From 1, in UTF-16 units as editors count; 0 without a place. */
  readonly column: number
  /** UTF-16 units to underline, at least 1. */
  readonly length: number
  /** What is wrong, with the path of the value. */
  readonly message: string
  readonly expected: string | null
  /** What stands there; `***` where that would show a secret. */
  readonly got: string | null
  /** What to do about it. */
  readonly fix: string
}

/** What a check says; the place is added by `faultAt`. */
export interface Finding {
  readonly code: ConfigurationFaultCode
  readonly message: string
  readonly expected?: string
  readonly got?: string
  readonly fix: string
}

/** Says a finding at the value of a pointer. */
export type Report = (pointer: string, finding: Finding) => void

/** A finding at its place in the text. */
export function faultAt(source: Source, span: Span, finding: Finding): Fault {
  const place = source.placeOf(span.offset)
  return { ...faultWithoutPlace(source.file, finding), ...place, length: Math.max(1, span.length) }
}

/** A finding that has no text: a file that cannot be read, an option of the command line. */
export function faultWithoutPlace(file: string, finding: Finding): Fault {
  const { code, message, expected, got, fix } = finding
  return {
    severity: severities[code], code, file, line: 0, column: 0, length: 1,
    message, expected: expected ?? null, got: got ?? null, fix,
  }
}

/** In the order of the text; what stands at one place keeps the order in which it was found. */
export function inTextOrder(faults: readonly Fault[]): readonly Fault[] {
  return faults.toSorted((a, b) => a.line - b.line || a.column - b.column)
}

/** Whether one of them keeps the configuration from being used. */
export function hasErrors(faults: readonly Fault[]): boolean {
  return faults.some((fault) => fault.severity === 'error')
}
