// What a Redis must be before claims are trusted to it, read from the server itself: it evicts nothing, and it keeps
// what it acknowledged. Where CONFIG is forbidden, INFO says the same.

import type { StoreFault } from '../core/record-store.ts'
import type { RedisNode } from './redis-link.ts'
import { storeFault } from './store-fault.ts'

export interface Checked {
  /** Null: no objection. */
  readonly fault: StoreFault | null
  readonly notices: readonly string[]
  readonly reached: readonly RedisNode[]
  /** Share of `maxmemory` that is taken, of the fullest; 0 where there is no such bound. */
  readonly fill: number
}

/**
 * `acceptLoss`: objections become notices. A cluster lacks a primary now and then, and the others have their keys all
 * the same: rejects only when none can be reached.
 */
export async function checkRedis(nodes: readonly RedisNode[], acceptLoss: boolean): Promise<Checked> {
  const objections = new Set<string>()
  const notices = new Set<string>()
  const all = await Promise.allSettled(nodes.map(factsOf))
  const reached = nodes.filter((_, i) => all[i]?.status === 'fulfilled')
  if (reached.length === 0) throw failureOf(all)
  let fill = 0
  for (const one of all) {
    if (one.status === 'rejected') continue
    const facts = one.value
    fill = Math.max(fill, facts.fill)
    if (facts.policy !== 'noeviction') {
      objections.add(`maxmemory-policy must be noeviction, got ${facts.policy}: an evicted key is executed again`)
    }
    if (!facts.isAppending) objections.add('appendonly must be yes, got no: a restart would forget keys')
    else if (facts.fsync !== 'always') {
      notices.add(`appendfsync is ${facts.fsync}: a crash of its machine can forget the claims of a second`)
    }
    if (facts.replicas > 0) notices.add('Replicas are asynchronous: a failover can forget the claims of a moment')
  }
  if (acceptLoss || objections.size === 0) return { fault: null, notices: [...objections, ...notices], reached, fill }
  const text = `Cannot trust this Redis with claims (acceptLoss: true overrides): ${[...objections].join(' · ')}`
  return { fault: storeFault('misconfigured', text), notices: [...notices], reached, fill }
}

function failureOf(all: readonly PromiseSettledResult<unknown>[]): unknown {
  const failed = all.find((one) => one.status === 'rejected')
  return failed === undefined ? new Error('No primary is known') : failed.reason
}

interface Facts {
  readonly policy: string
  readonly isAppending: boolean
  readonly fsync: string
  readonly replicas: number
  readonly fill: number
}

async function factsOf(node: RedisNode): Promise<Facts> {
  const info = String(await node.send(['INFO']))
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? 'unknown'
  return {
    policy: field('maxmemory_policy'),
    isAppending: field('aof_enabled') === '1',
    fsync: await fsyncOf(node),
    fill: Number(field('used_memory')) / (Number(field('maxmemory')) || Infinity),
    replicas: Number(field('connected_slaves')) || 0,
  }
}

async function fsyncOf(node: RedisNode): Promise<string> {
  try {
    const pair = await node.send(['CONFIG', 'GET', 'appendfsync'])
    return Array.isArray(pair) ? String(pair[1]) : 'unknown'
  } catch {
    // CONFIG is forbidden to us, as it is at many providers; then nobody can know, and the notice says "unknown".
    return 'unknown'
  }
}
