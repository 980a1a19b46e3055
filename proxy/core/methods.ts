// What the methods of HTTP promise of themselves (RFC 9110 section 9.2), as layers ask it before they send again.

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
const idempotent: ReadonlySet<string> = new Set([...safe, 'PUT', 'DELETE'])

/** Whether the method asks for nothing to be changed. */
export function isSafe(method: string): boolean { return safe.has(method) }

/** Whether sending it twice means the same as sending it once. */
export function isIdempotent(method: string): boolean { return idempotent.has(method) }
