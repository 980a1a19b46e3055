// What a listener's server knows of its connections, whichever protocol they speak or have yet to choose.

export interface EdgeConnection {
  /** Whether nothing is under way: neither an exchange nor the beginning of a request. */
  readonly isIdle: boolean
  /** Whether an answer is over for its exchange, and has not left the process. */
  readonly hasUnsent: boolean
  /** Once in a while: ends what has not moved for too long. */
  check(now: number): void
  /** Closes at once, so that an answer which is not out cannot be taken for a whole one. */
  cut(): void
  /** The socket is closed, by whomever. */
  closed(): void
}
