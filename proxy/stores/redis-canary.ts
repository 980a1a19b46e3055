// A value of ours on every primary: it is the first to be missing where a server was flushed, or replaced by an empty
// one, and all records with it. Notices, and mends nothing.

import { randomBytes } from 'node:crypto'
import type { RedisNode } from './redis-link.ts'

/** Names tried for one that a primary of a cluster keeps itself; enough for dozens of primaries. */
const maxNames = 256

export class Canaries {
  readonly #prefix: string
  readonly #values = new Map<string, string>()
  /** How often one was missing. */
  losses = 0

  /** `prefix` stands before every key of ours. */
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** Rejects with what the server or socket said. */
  async look(nodes: readonly RedisNode[]): Promise<void> {
    for (const node of nodes) await this.#lookAt(node)
  }

  async #lookAt(node: RedisNode): Promise<void> {
    for (let i = 0; i < maxNames; i++) {
      const name = `${this.#prefix}canary${i === 0 ? '' : i}`
      const value = await valueAt(node, name)
      if (value === null) continue
      const known = this.#values.get(name)
      if (known !== undefined && known !== value) this.losses++
      this.#values.set(name, value)
      return
    }
  }
}

/** Null: another node of the cluster has that name, or is just taking it over. */
async function valueAt(node: RedisNode, name: string): Promise<string | null> {
  try {
    await node.send(['SET', name, randomBytes(8).toString('hex'), 'NX'])
    return String(await node.send(['GET', name]))
  } catch (error) {
    if (error instanceof Error && /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN)\b/.test(error.message)) return null
    throw error
  }
}
