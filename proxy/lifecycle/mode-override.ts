// A mode set by hand for a while, over what the configuration says: of all routes or of one. It always comes back.

import type { Clock, Timer } from '../core/clock.ts'
import type { Configuration, Mode } from '../core/configuration.ts'

export class ModeOverride {
  #configuration: Configuration
  readonly #apply: (configuration: Configuration) => void
  readonly #clock: Clock
  #timer: Timer | null = null
  /** What is in force, for the eyes of status. */
  current: Configuration

  constructor(configuration: Configuration, clock: Clock, apply: (configuration: Configuration) => void) {
    this.#configuration = this.current = configuration
    this.#clock = clock
    this.#apply = apply
  }

  /** Null, or why not. A second override replaces the first. */
  set({ mode, route, forMs }: { mode: Mode; route: string | null; forMs: number }): string | null {
    const { routes } = this.#configuration
    if (route !== null && !routes.some(({ name }) => name === route)) return `There is no route "${route}".`
    this.#timer?.clear()
    this.#put({
      ...this.#configuration,
      mode: route === null ? mode : this.#configuration.mode,
      routes: routes.map((one) => route === null || one.name === route ? { ...one, mode, policyModes: {} } : one),
    })
    this.#timer = this.#clock.after(forMs, () => {
      this.#timer = null
      this.#put(this.#configuration)
    })
    return null
  }

  /** Another configuration is in force from now on, and the override is over: it was set over the old one. */
  rebase(configuration: Configuration): void {
    this.#timer?.clear()
    this.#timer = null
    this.#configuration = this.current = configuration
  }

  #put(configuration: Configuration): void {
    this.current = configuration
    this.#apply(configuration)
  }
}
