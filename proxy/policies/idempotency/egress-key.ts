// The key that a call of the service carries to a provider, made of what the call is about: every repetition of it, by
// us or by the service itself, carries the same. Keys that the service sends stay its own; keys for one call alone are
// retry's affair.

import { createHash, randomUUID } from 'node:crypto'
import { findNodeAtLocation, parseTree } from 'jsonc-parser'
import type { ParseError } from 'jsonc-parser'
import type { Clock } from '../../core/clock.ts'
import { isGiven } from '../../core/given-field.ts'
import { isIdempotent } from '../../core/methods.ts'
import type { Answer } from '../../core/outcome.ts'
import type { Layer, LayerContext } from '../../core/policy.ts'
import { WAIT } from '../../core/scope.ts'
import type { Work } from '../../core/work.ts'
import { BodyIntake, HeldBodies } from './intake.ts'
import { digest } from './scope.ts'

/** What `deduplicates` of an upstream says of its keys; the option itself stands with retry. */
interface Deduplicates {
  readonly header?: string
  readonly key?: 'passthrough' | 'per-call' | 'from-fields'
  readonly fields?: readonly string[]
}

/** A longer body is no order of anything. */
const maxBodyBytes = 1_048_576

/** Null: the upstream does not ask for keys made of fields. */
export function egressKeyLayer({ upstream, upstreamOptions, clock, part }: LayerContext): Layer | null {
  const options = upstreamOptions['deduplicates'] as Deduplicates | 'off' | undefined
  if (options === undefined || options === 'off' || options.key !== 'from-fields') return null
  const { header = 'idempotency-key', fields = [] } = options
  const held = part('idempotency:egress-bodies', () => new HeldBodies())
  const paths = fields.map(pathOf)
  return (next) => async (work, kind) => {
    const { head } = work.exchange.caller
    if (isGiven(work.exchange, header.toLowerCase()) || isIdempotent(head.method)) return next(work, kind)
    const body = await bodyOf(work, held, clock)
    if (!(body instanceof Uint8Array)) return body
    work.requestFields = [...work.requestFields ?? [], header, egressKey(upstream, head.target, body, paths)]
    return next(work, kind)
  }
}

/**
 * A UUID (RFC 9562 section 5.8) of these fields of a JSON body; it fits what every known provider takes. Where one of
 * them is missing nothing is known of the call, and the key is for this call alone.
 */
export function egressKey(
  upstream: string, target: string, body: Uint8Array, paths: readonly (readonly (string | number)[])[],
): string {
  const text = Buffer.from(body).toString('utf8')
  const errors: ParseError[] = []
  const tree = parseTree(text, errors)
  const values = tree === undefined || errors.length > 0 ? [] : paths.map((path) => findNodeAtLocation(tree, [...path]))
  const written = values.map((node) => node === undefined ? null : text.slice(node.offset, node.offset + node.length))
  if (written.length === 0 || written.includes(null)) return randomUUID()
  const made = digest(['seawall egress 1', upstream, target, ...written.map((value) => value ?? '')])
  const hex = createHash('sha256').update(made).digest('hex')
  const variant = '89ab'[Number.parseInt(hex[16] as string, 16) % 4]
  const [first, second, last] = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(20, 32)]
  return `${first}-${second}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${last}`
}

/** `$.order.items[0].id` as steps. */
export function pathOf(text: string): (string | number)[] {
  return [...text.matchAll(/\.([^.[\]]+)|\[(\d+)\]/g)].map(([, name, index]) => name ?? Number(index))
}

/** The whole body, kept so that attempts can have it again; or why it cannot be had. */
async function bodyOf(work: Work, held: HeldBodies, clock: Clock): Promise<Uint8Array | Answer> {
  // A record of a key has read it already.
  if (work.body instanceof BodyIntake) return work.body.body
  const intake = new BodyIntake(work.exchange, held, maxBodyBytes, () => clock.now())
  const { promise, resolve } = Promise.withResolvers<Answer | null>()
  const verdict = intake.read(resolve)
  const refused = verdict === WAIT ? await promise : verdict
  // Held no longer than it takes to send: what is sent again is bounded by the permits of the upstream.
  intake.free()
  return refused ?? intake.body
}
