// Whether an upstream has ever accepted a connection since Seawall started. Before that a refused connection means
// "not ready yet": requests wait here, without a permit, while one connection a time is tried; afterwards, or when the
// startup time is over, nothing waits here again. It does not watch health: that is another mechanism.

import type { Announce } from '../../core/announce.ts'
import type { Clock } from '../../core/clock.ts'

/** Between two tries. */
const retryMs = 100

export interface ReadinessOptions {
  readonly upstream: string
  readonly startupMs: number
  readonly probe: () => Promise<string | null>
  readonly clock: Clock
  readonly announce: Announce
}

type State =
  /** Nobody has asked yet. */
  | { kind: 'unproven' }
  /** The first try is on its way, or was refused and more follow. */
  | { kind: 'waiting'; since: number; isAnnounced: boolean }
  /** Open for good. */
  | { kind: 'open' }

export class Readiness {
  readonly #options: ReadinessOptions
  #state: State
  #line: Set<(now: number) => void>

  constructor(options: ReadinessOptions) {
    this.#options = options
    this.#state = options.startupMs > 0 ? { kind: 'unproven' } : { kind: 'open' }
    this.#line = new Set()
  }

  get isOpen(): boolean { return this.#state.kind === 'open' }
  get waiting(): number { return this.#line.size }

  /** Calls `go` once the upstream is ready or its startup time is over. Begins to try when nobody has asked before. */
  wait(go: (now: number) => void, now: number): void {
    this.#line.add(go)
    if (this.#state.kind !== 'unproven') return
    this.#state = { kind: 'waiting', since: now, isAnnounced: false }
    this.#try()
  }

  /** Leaves the line. */
  leave(go: (now: number) => void): void {
    this.#line.delete(go)
  }

  #try(): void {
    const { probe } = this.#options
    // A probe that throws is a refused one; it must never keep the line for ever.
    probe().then((refusal) => this.#tried(refusal), (error: unknown) => this.#tried(String(error)))
  }

  #tried(refusal: string | null): void {
    const state = this.#state
    if (state.kind !== 'waiting') return
    const { upstream, startupMs, clock, announce } = this.#options
    const now = clock.now()
    const waitedMs = now - state.since
    if (refusal === null) {
      if (state.isAnnounced) announce({ what: 'upstream-ready', upstream, waitedMs })
      return this.#open(now)
    }
    if (waitedMs >= startupMs) {
      announce({ what: 'upstream-startup-over', upstream })
      return this.#open(now)
    }
    if (!state.isAnnounced) announce({ what: 'upstream-not-ready', upstream })
    state.isAnnounced = true
    clock.after(Math.min(retryMs, startupMs - waitedMs), () => this.#try())
  }

  #open(now: number): void {
    this.#state = { kind: 'open' }
    const line = this.#line
    this.#line = new Set()
    for (const go of line) go(now)
  }
}
