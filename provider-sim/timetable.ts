// A timetable of behaviours: at which time which port begins to behave how. It reads the JSON form and runs one port's
// steps on a clock; it does not know what a behaviour does.

import type { Behaviour } from './behaviour.ts'
import { readBehaviour } from './behaviour.ts'
import type { Clock, Timer } from './clock.ts'
import type { Complaint } from './field-checks.ts'
import { InvalidInput, MAX_DURATION_MS, readDurationMs, readObject, show } from './field-checks.ts'

export interface Step {
  readonly atMs: number
  readonly behaviour: Behaviour
}

/** A port as a timetable may name it: by number, by name ("provider-2"), or by kind ("provider": all of them). */
export interface PortAddress {
  readonly name: string
  readonly kind: string
  readonly port: number
}

/** One timer a step, so the bound on steps is a bound on timers. */
export const MAX_STEPS = 1_000

/** Runs the steps of one port. Starting again replaces what was still to come. */
export class Timetable {
  readonly #clock: Clock
  readonly #apply: (behaviour: Behaviour) => void
  #timers: Timer[] = []
  #pendingSteps = 0

  constructor(clock: Clock, apply: (behaviour: Behaviour) => void) {
    this.#clock = clock
    this.#apply = apply
  }

  get pendingSteps(): number {
    return this.#pendingSteps
  }

  start(steps: readonly Step[]): void {
    this.cancel()
    this.#pendingSteps = steps.length
    for (const step of steps.toSorted((a, b) => a.atMs - b.atMs)) {
      // At once means before the next request, which a timer of 0 ms would not promise.
      if (step.atMs === 0) this.#take(step)
      else this.#timers.push(this.#clock.startTimer(step.atMs, () => this.#take(step)))
    }
  }

  cancel(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers = []
    this.#pendingSteps = 0
  }

  #take(step: Step): void {
    this.#pendingSteps -= 1
    this.#apply(step.behaviour)
  }
}

/**
 * Parses `[{ at, port?, behaviour }, …]` into the steps of each port, keyed by port name. An entry without `port` means
 * `whenUnnamed` (a name or a kind). Throws InvalidInput with every fault at once.
 */
export function parseTimetable(
  value: unknown,
  ports: readonly PortAddress[],
  whenUnnamed: string,
): ReadonlyMap<string, readonly Step[]> {
  const complaints: Complaint[] = []
  const byPort = new Map<string, Step[]>()
  if (!Array.isArray(value) || value.length > MAX_STEPS) {
    const got = Array.isArray(value) ? `${value.length} entries` : show(value)
    const expected = `an array of at most ${MAX_STEPS} entries`
    throw new InvalidInput('timetable', [{ field: 'timetable', expected, got }])
  }
  for (const [index, entry] of value.entries()) {
    const field = `[${index}]`
    const input = readObject(entry, field, ['at', 'port', 'behaviour'], complaints)
    if (input === null) continue
    const atMs = readDurationMs(input['at'], `${field}.at`, { min: 0, max: MAX_DURATION_MS }, complaints)
    const behaviour = readBehaviour(input['behaviour'], `${field}.behaviour`, complaints)
    for (const name of readPortNames(input['port'] ?? whenUnnamed, `${field}.port`, ports, complaints)) {
      const steps = byPort.get(name)
      if (steps === undefined) byPort.set(name, [{ atMs, behaviour }])
      else steps.push({ atMs, behaviour })
    }
  }
  if (complaints.length > 0) throw new InvalidInput('timetable', complaints)
  return byPort
}

/** The names of the ports that `value` addresses: one by number or name, all of a kind. */
export function readPortNames(
  value: unknown,
  field: string,
  ports: readonly PortAddress[],
  complaints: Complaint[],
): readonly string[] {
  const named = ports.filter((one) => one.port === value || one.name === value || one.kind === value)
  if (named.length === 0) {
    const known = ports.flatMap((one) => [String(one.port), show(one.name)])
    complaints.push({ field, expected: `one of ${known.join(', ')}, "provider"`, got: show(value) })
  }
  return named.map((one) => one.name)
}
