// The leaves of an instance, through reloads: an upstream whose addresses and times stay keeps its connections; one
// that changes gets a new leaf, and the old one ends with the attempts that it still has.

import type { UpstreamConfiguration } from '../core/configuration.ts'
import type { Upstream } from '../core/upstream.ts'

export class LeafSet {
  readonly #make: (upstream: UpstreamConfiguration) => Upstream
  #leaves: ReadonlyMap<string, { readonly leaf: Upstream; readonly key: string }>

  constructor(upstreams: readonly UpstreamConfiguration[], make: (upstream: UpstreamConfiguration) => Upstream) {
    this.#make = make
    this.#leaves = new Map(upstreams.map((upstream) =>
      [upstream.name, { leaf: make(upstream), key: keyOf(upstream) }]))
  }

  get names(): readonly string[] {
    return [...this.#leaves.keys()]
  }

  get(name: string): Upstream {
    const known = this.#leaves.get(name)
    if (known === undefined) throw new Error(`there is no upstream "${name}"`)
    return known.leaf
  }

  *[Symbol.iterator](): Iterator<[string, Upstream]> {
    for (const [name, { leaf }] of this.#leaves) yield [name, leaf]
  }

  /** Leaves for these upstreams from now on; what it returns closes those that nobody finds any more. */
  change(upstreams: readonly UpstreamConfiguration[]): () => void {
    const old = this.#leaves
    this.#leaves = new Map(upstreams.map((upstream) => {
      const key = keyOf(upstream)
      const known = old.get(upstream.name)
      return [upstream.name, known?.key === key ? known : { leaf: this.#make(upstream), key }]
    }))
    const kept = new Set([...this.#leaves.values()].map(({ leaf }) => leaf))
    return () => { for (const { leaf } of old.values()) if (!kept.has(leaf)) leaf.close() }
  }

  close(): void {
    for (const { leaf } of this.#leaves.values()) leaf.close()
  }
}

/** All that connections are made from; of files what stands in them, so that a renewed one is taken up. */
function keyOf({ endpoints, host, options, tls, http2 }: UpstreamConfiguration): string {
  return JSON.stringify([endpoints, host, options['timeouts'], tls, http2])
}
