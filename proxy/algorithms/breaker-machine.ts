// HOT PATH — runs for every attempt. Rules: docs/decisions/0004.
// A circuit breaker: closed, open for a time, half-open with one probe at a time, closed again with a ramp. It knows
// calls by serial numbers that rise, so that the ending of a call from before a change of state teaches nothing. Time
// is an argument, no timer exists: what is due happens when the next call comes.
//
//   closed ──(evidence)──► open ──(time)──► half-open ──(probes passed)──► closed, ramping up
//                            ▲                  │
//                            └──(probe failed)──┘

import type { Lesson } from '../core/outcome-matrix.ts'
import type { Random } from '../core/random.ts'
import type { TripRule } from './failure-evidence.ts'
import { OpenTime } from './open-time.ts'
import { Ramp } from './ramp.ts'

export type BreakerState = 'closed' | 'half-open' | 'open'
export type BreakerReason =
  | 'start' | 'failures' | 'probe-failed' | 'probe-silent' | 'retry-after' | 'time' | 'probes-passed' | 'manual'

export interface BreakerSettings {
  readonly rule: TripRule
  /** Probes that have to pass, one after the other, before it closes. */
  readonly probes: number
  /** How long it opens, always the same, ms; null: growing times. */
  readonly openForMs: number | null
}

/** For a probe whose ending never comes; doubled each time, so that a slow upstream is not shut out for ever. */
const firstLeaseMs = 10_000
const longestLeaseMs = 600_000

type State =
  | { readonly kind: 'closed'; readonly since: number }
  | { readonly kind: 'open'; readonly since: number; readonly readyAt: number }
  | HalfOpen

interface HalfOpen {
  readonly kind: 'half-open'
  readonly since: number
  /** Serial of the probe under way; 0: none. */
  probe: number
  probeAt: number
  passed: number
  /** Serial of the probe that passed last. */
  lastPassed: number
}

export class BreakerMachine {
  readonly #openTime: OpenTime
  readonly #ramp = new Ramp()
  readonly #changed: (to: BreakerState, reason: BreakerReason, now: number) => void
  #settings: BreakerSettings
  #state: State
  reason: BreakerReason = 'start'
  /** The last call that came, and the last one of the epoch before: endings up to that one are stale. */
  #lastSerial = 0
  #staleSerial = 0
  #leaseMs = firstLeaseMs
  /** Held closed by hand until then; 0: not. */
  #heldUntil = 0

  constructor(
    settings: BreakerSettings, random: Random, now: number,
    changed: (to: BreakerState, reason: BreakerReason, now: number) => void,
  ) {
    this.#settings = settings
    this.#openTime = new OpenTime(random)
    this.#changed = changed
    this.#state = { kind: 'closed', since: now }
  }

  get state(): BreakerState { return this.#state.kind }
  get since(): number { return this.#state.since }

  /** Whether this call may be made; `serial` rises from call to call, from 1. */
  admit(serial: number, now: number): boolean {
    const isIn = this.#state.kind === 'closed' ? this.#ramp.admit(now) : this.#mayProbe(serial, now)
    // Also what was refused: who only observes lets it through, and will tell of its ending.
    this.#lastSerial = serial
    return isIn
  }

  /** How a call ended that was let in. `retryAfterMs`: what its answer asked for; 0: nothing. Once for each call. */
  settle(serial: number, lesson: Lesson['breaker'], now: number, retryAfterMs = 0): void {
    if (serial <= this.#staleSerial) return
    if (retryAfterMs > 0) this.#openTime.asked(now + retryAfterMs)
    const state = this.#state
    if (state.kind === 'half-open') {
      if (serial === state.probe) this.#probed(state, lesson, now, retryAfterMs)
    } else if (state.kind === 'closed') this.#learn(lesson, now)
  }

  /** A call whose head was good turned out to be broken after it was settled. */
  spoil(serial: number, now: number): void {
    if (serial <= this.#staleSerial) return
    const state = this.#state
    if (state.kind === 'half-open' && state.lastPassed === serial) this.#open('probe-failed', now)
    if (state.kind === 'closed' && this.#settings.rule.note(0, 1, now) && now >= this.#heldUntil) {
      this.#open('failures', now)
    }
  }

  /** Time until a call may come in again, ms; 0: that depends on a probe under way. */
  retryInMs(now: number): number {
    return this.#state.kind === 'open' ? Math.max(0, this.#state.readyAt - now) : 0
  }

  /** Takes new numbers over without forgetting the state. */
  configure(settings: BreakerSettings): void {
    this.#settings = settings
  }

  /** By hand: open or closed until then, whatever is seen; auto gives it back to the evidence. */
  hold(to: 'open' | 'closed' | 'auto', until: number, now: number): void {
    this.#heldUntil = to === 'closed' ? until : 0
    if (to === 'open') this.#enter({ kind: 'open', since: now, readyAt: until }, 'manual', now)
    // What was held open is not known to be well: it comes back by a probe.
    else if (to === 'auto' && this.#state.kind === 'open') this.#state = { ...this.#state, readyAt: now }
    else if (this.#state.kind !== 'closed') this.#close('manual', now)
  }

  /** Figures for status. */
  inspect(now: number): Record<string, number | string> {
    const state = this.#state
    return {
      state: state.kind,
      reason: this.reason,
      sinceSeconds: seconds(now - state.since),
      evidence: this.#settings.rule.describe(),
      ...(state.kind === 'open' ? { probeInSeconds: seconds(Math.max(0, state.readyAt - now)) } : {}),
      ...(state.kind === 'half-open' ? { probesPassed: state.passed, probesWanted: this.#settings.probes } : {}),
      ...(state.kind === 'closed' && this.#ramp.isOn(now) ? { atOnce: Math.floor(this.#ramp.atOnce) } : {}),
      ...(this.#heldUntil > now ? { heldClosedSeconds: seconds(this.#heldUntil - now) } : {}),
    }
  }

  #mayProbe(serial: number, now: number): boolean {
    if (this.#state.kind === 'open') {
      if (now < this.#state.readyAt) return false
      this.#enter({ kind: 'half-open', since: now, probe: 0, probeAt: now, passed: 0, lastPassed: 0 }, 'time', now)
    }
    const state = this.#state as HalfOpen
    if (state.probe !== 0) {
      if (now - state.probeAt < this.#leaseMs) return false
      this.#leaseMs = Math.min(longestLeaseMs, 2 * this.#leaseMs)
      this.#open('probe-silent', now)
      return false
    }
    state.probe = serial
    state.probeAt = now
    return true
  }

  #probed(state: HalfOpen, lesson: Lesson['breaker'], now: number, retryAfterMs: number): void {
    const serial = state.probe
    state.probe = 0
    switch (lesson) {
      case 'ok':
        state.lastPassed = serial
        if (++state.passed >= this.#settings.probes) this.#close('probes-passed', now)
        break
      case 'fail': case 'half-fail': return this.#open('probe-failed', now)
      case 'none': case 'ignorable':
        // Nothing was learned: the next call probes. Unless the upstream itself said when it wants to be asked.
        if (retryAfterMs === 0) return
        this.#enter({ kind: 'open', since: now, readyAt: this.#openTime.atLeast(now, now) }, 'retry-after', now)
    }
  }

  #learn(lesson: Lesson['breaker'], now: number): void {
    this.#ramp.ended(lesson, now)
    if (lesson === 'none' || lesson === 'ignorable') return
    const failed = lesson === 'fail' ? 1 : lesson === 'half-fail' ? 0.5 : 0
    const isEnough = this.#settings.rule.note(failed === 0 ? 1 : 0, failed, now)
    if (isEnough && now >= this.#heldUntil) this.#open('failures', now)
  }

  #open(reason: BreakerReason, now: number): void {
    const { openForMs } = this.#settings
    const readyAt = openForMs === null
      ? this.#openTime.next(now, this.#state.kind === 'closed' ? now - this.#state.since : 0)
      : this.#openTime.atLeast(now + openForMs, now)
    this.#enter({ kind: 'open', since: now, readyAt }, reason, now)
  }

  #close(reason: BreakerReason, now: number): void {
    const tookMs = this.#state.kind === 'half-open' ? now - this.#state.probeAt : 0
    this.#leaseMs = firstLeaseMs
    this.#settings.rule.reset()
    this.#enter({ kind: 'closed', since: now }, reason, now)
    if (reason === 'probes-passed') this.#ramp.begin(this.#settings.probes, tookMs, now)
    else this.#ramp.end()
  }

  #enter(state: State, reason: BreakerReason, now: number): void {
    if (state.kind === 'open') {
      this.#ramp.end()
      this.#settings.rule.reset()
    }
    this.#state = state
    this.reason = reason
    this.#staleSerial = this.#lastSerial
    this.#changed(state.kind, reason, now)
  }
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10
}
