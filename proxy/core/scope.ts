// What an exchange and an attempt share: the gates they have passed, the line they may stand in, and that they are
// judged once and over once. Exactly once falls out of this data, not out of discipline.

import type { Answer, Outcome } from './outcome.ts'

/** "Decided later": the gate keeps the scope in its line and calls `proceed` exactly once. */
export const WAIT: unique symbol = Symbol('wait')

/** What a gate says to a scope: null means come in. */
export type Verdict = null | Answer | typeof WAIT

/**
 * What an attempt is doing for its upstream. busy: being worked on. idle: the upstream waits for the caller, whose
 * request does not come or who does not read. stream: the answer goes on for as long as somebody reads it.
 */
export type Course = 'busy' | 'idle' | 'stream'

/** The joined gates of a scope, in order (made once at load, see pipeline/gates.ts). */
export interface GateRun {
  /** Asks the gates from where the scope stands. Null: all passed; an Answer: it ends here; WAIT: see `proceed`. */
  enter(scope: Scope, now: number): Verdict
  /** The wait at the gate the scope stands at is over with this verdict; the scope's `decided` is told how it ends. */
  proceed(scope: Scope, verdict: null | Answer, now: number): void
  /** The scope ends while it waits: it leaves the line. Does nothing when it does not wait. */
  leaveLine(scope: Scope, now: number): void
  /** Its class has risen: the gate in whose line it stands is told. Does nothing when it does not wait. */
  raise(scope: Scope): void
  /** Tells every gate passed how it went; the first call counts, later ones do nothing. */
  judge(scope: Scope, outcome: Outcome, now: number): void
  /** After the judgement of a good answer: its body broke. */
  spoil(scope: Scope, now: number): void
  /** Its course has changed. Before the release only. */
  turn(scope: Scope, into: Course, now: number): void
  /** Tells every gate passed, in reverse, that the work behind it is over; a second call does nothing. */
  release(scope: Scope, now: number): void
}

/** One passage through gates. Fields are set in one order so that every scope of a kind has one shape. */
export abstract class Scope {
  readonly gates: GateRun
  /** When it began, clock ms. */
  readonly startedAt: number
  /** How many gates have let it in (0 again once released). */
  entered: number
  /** Index of the gate in whose line it stands; -1: none. */
  waitsAt: number
  isJudged: boolean
  isReleased: boolean
  /** Gate memory by slot; the array exists only where some gate asked for one. */
  notes: unknown[] | null

  constructor(gates: GateRun, now: number) {
    this.gates = gates
    this.startedAt = now
    this.entered = 0
    this.waitsAt = -1
    this.isJudged = false
    this.isReleased = false
    this.notes = null
  }

  /** A wait is over and the gates behind it have been asked: null means all are passed. */
  abstract decided(verdict: null | Answer, now: number): void
}
