// Whether this instance serves, leaves or refuses, and how many exchanges are inside: the one record that the drain
// gate, the edge and the probes share. It decides nothing; lifecycle/ moves it.

/** serving: normal. leaving: told to stop, still serves, says `connection: close`. refusing: new work is refused. */
export type Phase = 'serving' | 'leaving' | 'refusing'

export class House {
  phase: Phase = 'serving'
  /** Exchanges between their first gate and their last byte. */
  inFlight = 0
}
