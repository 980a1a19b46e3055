// Whether this instance serves, leaves or refuses, and how many exchanges are inside: the one record that the drain
// gate, the edge and the probes share. It decides nothing; lifecycle/ moves it.

/** serving: normal. leaving: told to stop, still serves, says `connection: close`. refusing: new work is refused. */
export type Phase = 'serving' | 'leaving' | 'refusing'

export class House {
  phase: Phase = 'serving'
  /** Exchanges between their first gate and their last byte, and keyed work that goes on without its caller. */
  inFlight = 0
  /** How many exchanges have been let in; who comes for an answer that is known while it refuses does not count. */
  entered = 0
  /** When what is still inside will be cut, clock ms; Infinity: there is no such time. */
  cutAt = Infinity
  /** Callbacks of those who only wait for another try, called once when it begins to refuse. */
  readonly sleepers = new Set<() => void>()

  /** From now on new work is refused, and nobody sleeps any longer. */
  refuse(): void {
    this.phase = 'refusing'
    for (const wake of this.sleepers) wake()
    this.sleepers.clear()
  }
}
