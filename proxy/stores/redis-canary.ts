// A value of ours on every primary: it is the first to be missing where a server was flushed, or replaced by an empty
// one, and all records with it. Whoever knew it writes the time of the loss into the new one, where all who share the
// server, and those that start later, read it. Notices, and mends nothing.

import { randomBytes } from 'node:crypto'
import type { RedisNode } from './redis-link.ts'

/** Names tried for one that a primary of a cluster keeps itself; enough for dozens of primaries. */
const maxNames = 256

/**
 * ARGV: a new name for the state · the one that was known, or nothing · look, or accept. Gives the name, and how many
 * ms ago the state before it was lost, in the server's time; -1: never, or that was accepted. Kept as `NAME[ LOST]`.
 */
const lookScript = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local held = redis.call('GET', KEYS[1])
local state, lost
if held then state, lost = string.match(held, '^(%S+) ?(%d*)$') end
if not state then state, lost = ARGV[1], '' end
if ARGV[3] == 'accept' then lost = ''
elseif ARGV[2] ~= '' and ARGV[2] ~= state and lost == '' then lost = string.format('%.0f', now) end
local told = state
if lost ~= '' then told = state .. ' ' .. lost end
if told ~= held then redis.call('SET', KEYS[1], told) end
if lost == '' then return {state, -1} end
return {state, math.max(0, now - tonumber(lost))}
`.trim()

interface Seen {
  readonly state: string
  /** On our clock, ms; -Infinity: never. */
  readonly lostAt: number
}

export class Canaries {
  readonly #prefix: string
  readonly #seen = new Map<string, Seen>()
  /** How often one was missing, or another than before. */
  losses = 0

  /** `prefix` stands before every key of ours. */
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** When the last loss was that nobody has accepted, on the clock of `now`, ms; -Infinity: there was none. */
  get lostAt(): number {
    let last = -Infinity
    for (const { lostAt } of this.#seen.values()) last = Math.max(last, lostAt)
    return last
  }

  /** Rejects with what the server or socket said. `accepts`: what was lost until now counts no more, for anybody. */
  async look(nodes: readonly RedisNode[], now: number, accepts = false): Promise<void> {
    // One that nobody keeps any more could not be asked.
    if (accepts) for (const [name, { state }] of this.#seen) this.#seen.set(name, { state, lostAt: -Infinity })
    for (const node of nodes) await this.#lookAt(node, now, accepts ? 'accept' : 'look')
  }

  async #lookAt(node: RedisNode, now: number, verb: 'look' | 'accept'): Promise<void> {
    for (let i = 0; i < maxNames; i++) {
      const name = `${this.#prefix}canary${i === 0 ? '' : i}`
      const known = this.#seen.get(name)?.state ?? ''
      const told = await askedOf(node, ['EVAL', lookScript, '1', name, randomBytes(8).toString('hex'), known, verb])
      if (told === null) continue
      const [state, agoMs] = [String(told[0]), Number(told[1])]
      // Several may look at once, and only one of them finds what it knew to be another.
      const before = this.#seen.get(name)?.state ?? state
      if (before !== state) this.losses++
      this.#seen.set(name, { state, lostAt: agoMs < 0 ? -Infinity : now - agoMs })
      return
    }
  }
}

/** Null: another node of the cluster has that name, or is just taking it over. */
async function askedOf(node: RedisNode, args: readonly string[]): Promise<readonly unknown[] | null> {
  try {
    return await node.send(args) as readonly unknown[]
  } catch (error) {
    if (error instanceof Error && /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN)\b/.test(error.message)) return null
    throw error
  }
}
