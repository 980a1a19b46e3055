// Walking over the records in Redis for operators and gauges, page by page and bounded: nothing here is on the way of a
// request.

import type { Doubt, Lookup, RecordCounts, RecordKey } from '../core/record-store.ts'
import type { RedisLink, RedisNode } from './redis-link.ts'

const pageSize = 500

/** Records that a count looks at; with more the figures are scaled up. */
const maxCounted = 5_000

/** Record keys below a prefix, of one scope or (empty) of all, in pages. */
export async function* keysOf(link: RedisLink, prefix: string, scope: string): AsyncGenerator<RecordKey[]> {
  for (const node of await link.primaries()) yield* pagesOf(node, prefix, scope)
}

async function* pagesOf(node: RedisNode, prefix: string, scope: string): AsyncGenerator<RecordKey[]> {
  const pattern = `${escape(prefix)}{${scope === '' ? '' : `${escape(scope)}:`}*}`
  const start = `${prefix}{`.length
  let cursor = '0'
  do {
    const [next, names] = await node.send(['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(pageSize)]) as
      [string, string[]]
    cursor = next
    if (names.length > 0) yield names.map((name) => name.slice(start, -1))
  } while (cursor !== '0')
}

export async function countRecords(link: RedisLink, prefix: string): Promise<RecordCounts> {
  let [done, inFlight, unknown, seen, total] = [0, 0, 0, 0, 0]
  for (const node of await link.primaries()) {
    total += Number(await node.send(['DBSIZE']))
    const [seconds] = await node.send(['TIME']) as [string, string]
    for await (const page of pagesOf(node, prefix, '')) {
      if (seen >= maxCounted) break
      seen += page.length
      const states = await Promise.all(page.map((key) => node.send(['HMGET', `${prefix}{${key}}`, 'st', 'le'])))
      for (const [stage, lease] of states as [string | null, string | null][]) {
        if (stage === 'd') done++
        else if (stage === 'u' || (stage === 'f' && Number(lease) <= Number(seconds) * 1_000)) unknown++
        else if (stage === 'f') inFlight++
      }
    }
  }
  const isEstimate = seen >= maxCounted
  const scale = isEstimate ? total / seen : 1
  const scaled = (count: number): number => Math.round(count * scale)
  return { kind: 'counts', done: scaled(done), inFlight: scaled(inFlight), unknown: scaled(unknown), isEstimate }
}

export async function doubtsOf(
  link: RedisLink, prefix: string, limit: number, lookup: (key: RecordKey) => Promise<Lookup>,
): Promise<{ readonly kind: 'doubts'; readonly list: readonly Doubt[] }> {
  const list: Doubt[] = []
  for await (const page of keysOf(link, prefix, '')) {
    const found = await Promise.all(page.map(async (key) => ({ key, record: await lookup(key) })))
    for (const { key, record } of found) {
      if (record.kind === 'unknown' && list.length < limit) list.push({ key, record })
    }
    if (list.length >= limit) break
  }
  return { kind: 'doubts', list }
}

/** Characters that a pattern of SCAN would read as its own. */
function escape(text: string): string { return text.replaceAll(/[*?[\]\\^]/g, '\\$&') }
