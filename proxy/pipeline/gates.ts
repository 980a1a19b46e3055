// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// A run of gates joined into one: entered in order, judged once, released once in reverse. `proceed`, the way on after
// a wait, is the only subtle code in the house: whatever happened meanwhile is looked at before the scope goes on.

import type { Answer, Outcome } from '../core/outcome.ts'
import type { Gate } from '../core/policy.ts'
import { WAIT } from '../core/scope.ts'
import type { Course, GateRun, Scope, Verdict } from '../core/scope.ts'

/** A gate and whether it only observes on this route. */
export interface Placed<S extends Scope> {
  readonly gate: Gate<S>
  readonly shadow: boolean
}

/** Joins gates, in travel order. Runs at load. */
export function fuse<S extends Scope>(placed: readonly Placed<S>[]): GateRun {
  return new FusedGates(placed.map((p) => p.gate), placed.map((p) => p.shadow))
}

class FusedGates<S extends Scope> implements GateRun {
  readonly #gates: readonly Gate<S>[]
  readonly #shadow: readonly boolean[]

  constructor(gates: readonly Gate<S>[], shadow: readonly boolean[]) {
    this.#gates = gates
    this.#shadow = shadow
  }

  enter(scope: S, now: number): Verdict {
    const gates = this.#gates
    for (let i = scope.entered; i < gates.length; i++) {
      const verdict = (gates[i] as Gate<S>).admit(scope, now, this.#shadow[i] as boolean)
      if (verdict === null) {
        scope.entered = i + 1
        continue
      }
      if (verdict === WAIT) scope.waitsAt = i
      return verdict
    }
    return null
  }

  proceed(scope: S, verdict: null | Answer, now: number): void {
    const at = scope.waitsAt
    // Not waiting: it left the line, or this is a second call. Either way its end has been told already.
    if (at < 0) return
    scope.waitsAt = -1
    if (verdict !== null) return scope.decided(verdict, now)
    scope.entered = at + 1
    for (let i = 0; i < at; i++) {
      if (this.#shadow[i] === true) continue
      const changed = (this.#gates[i] as Gate<S>).recheck?.(scope, now) ?? null
      if (changed !== null) return scope.decided(changed, now)
    }
    const next = this.enter(scope, now)
    if (next !== WAIT) scope.decided(next, now)
  }

  leaveLine(scope: S, now: number): void {
    const at = scope.waitsAt
    if (at < 0) return
    scope.waitsAt = -1
    this.#gates[at]?.cancel?.(scope, now)
  }

  raise(scope: S): void {
    if (scope.waitsAt >= 0) this.#gates[scope.waitsAt]?.raised?.(scope)
  }

  judge(scope: S, outcome: Outcome, now: number): void {
    if (scope.isJudged) return
    scope.isJudged = true
    for (let i = 0; i < scope.entered; i++) {
      const gate = this.#gates[i] as Gate<S>
      if (gate.judge !== undefined) gate.judge(scope, outcome, now)
    }
  }

  spoil(scope: S, now: number): void {
    if (scope.isReleased) return
    for (let i = 0; i < scope.entered; i++) (this.#gates[i] as Gate<S>).spoiled?.(scope, now)
  }

  turn(scope: S, into: Course, now: number): void {
    if (scope.isReleased) return
    for (let i = 0; i < scope.entered; i++) (this.#gates[i] as Gate<S>).turned?.(scope, into, now)
  }

  release(scope: S, now: number): void {
    if (scope.isReleased) return
    scope.isReleased = true
    while (scope.entered > 0) {
      const gate = this.#gates[--scope.entered] as Gate<S>
      if (gate.release !== undefined) gate.release(scope, now)
    }
  }
}
