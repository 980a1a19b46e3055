// HOT PATH — runs for every request with a key. Rules: docs/decisions/0004.
// Whose key it is, as digests: the namespace that keeps keys of different owners apart, the name of the record, and the
// credential whose bearer may read the answer. Neither keys nor credentials leave this file in the clear.

import { hash } from 'node:crypto'
import type { Caller } from '../../core/caller.ts'
import { firstValue } from '../../core/raw-headers.ts'

/**
 * Digest of a namespace. `space`: the upstream, whose keys never meet those of another. `value`: of what the scope
 * names. `route`: where each route has its own keys; null: they share those of the upstream.
 */
export function scopeDigest(space: string, scope: string | null, value: string, route: string | null): string {
  return digest(['seawall scope 1', space, scope ?? '', value, ...route === null ? [] : [route]])
}

/** The name of the record of a key within a scope. */
export function recordKeyOf(scope: string, key: string): string {
  return `${scope}:${digest(['seawall key 1', scope, key])}`
}

/** What tells the owner of a request's key from others; empty where there is nothing to tell by. */
export function scopeValue(scope: string | null, caller: Caller): string {
  if (scope === null || scope === 'none') return ''
  if (scope === 'mtls') return caller.identity ?? ''
  if (scope === 'credential') return credentialOf(caller)
  return firstValue(caller.head.headers, scope.slice('header:'.length).toLowerCase()) ?? ''
}

/** Digest of what the caller proves itself by; empty when by nothing. */
export function credentialOf({ head, identity }: Caller): string {
  const shown = firstValue(head.headers, 'authorization') ?? firstValue(head.headers, 'x-api-key') ?? identity
  return shown === null ? '' : credentialDigest(shown)
}

/** Of the value of `authorization`, of an API key, or of an identity. */
export function credentialDigest(shown: string): string {
  return shown === '' ? '' : digest(['seawall credential 1', shown])
}

/** SHA-256 over texts that cannot run into each other. */
export function digest(parts: readonly string[]): string {
  let text = ''
  for (const part of parts) text += `${part.length}:${part}`
  return hash('sha256', Buffer.from(text, 'latin1'), 'base64url')
}
