// What one port is at this moment: its behaviour, the requests it holds, what it has counted, and its chance. It
// changes behaviour and keeps the books; the exchange reads it and the HTTP server is another file's.

import type { Behaviour } from './behaviour.ts'
import { HEALTHY } from './behaviour.ts'
import type { Clock } from './clock.ts'
import type { Random } from './random.ts'
import { openStream } from './random.ts'
import { Slots } from './slots.ts'
import { Timetable } from './timetable.ts'
import { Waits } from './waits.ts'

export type FaultKind = 'stall' | 'error' | 'resetBefore' | 'resetAfter' | 'truncated' | 'slow' | 'endless'

export interface Counters {
  /** Requests whose head and body arrived; inspections and control are not counted. */
  received: number
  executed: number
  /** Answers sent to their last byte. */
  answered: number
  /** Clients that were gone when their answer was ready. */
  clientGone: number
  readonly faults: Record<FaultKind, number>
}

/** The chances of one request, each from its own stream, all drawn at arrival whether they will be needed or not. */
export interface Chances {
  readonly latency: number
  readonly latencySecond: number
  readonly error: number
  readonly reset: number
  readonly body: number
}

export class PortState {
  readonly name: string
  readonly timetable: Timetable
  readonly slots = new Slots(null)
  /** Latencies, and the ticks of slow bodies. */
  readonly pauses: Waits
  readonly stalls: { readonly before: Waits; readonly after: Waits }
  readonly #draws: { readonly health: () => Chances; readonly other: () => Chances }
  #behaviour: Behaviour = HEALTHY
  #counters = freshCounters()
  #inFlight = 0
  #onIdle: (() => void) | null = null

  constructor(name: string, seed: number, clock: Clock) {
    this.name = name
    this.timetable = new Timetable(clock, (behaviour) => this.behave(behaviour))
    this.pauses = new Waits(clock)
    this.stalls = { before: new Waits(clock), after: new Waits(clock) }
    // Health checks come by the clock, not by the load: with a stream of their own they do not shift the load's draws.
    this.#draws = { health: openDraws(seed, `${name}/health`), other: openDraws(seed, name) }
  }

  get behaviour(): Behaviour {
    return this.#behaviour
  }

  get counters(): Counters {
    return this.#counters
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Replaces the behaviour from this moment on, also for requests that wait or are stalled. */
  behave(behaviour: Behaviour): void {
    this.#behaviour = behaviour
    this.slots.resize(behaviour.capacity)
    if (behaviour.stall !== 'before') this.stalls.before.releaseAll()
    if (behaviour.stall !== 'after') this.stalls.after.releaseAll()
  }

  /** Healthy, counters at zero, nothing left of a timetable. Requests in flight stay. */
  reset(): void {
    this.timetable.cancel()
    this.behave(HEALTHY)
    this.#counters = freshCounters()
  }

  draw(isHealth: boolean): Chances {
    return isHealth ? this.#draws.health() : this.#draws.other()
  }

  enter(): void {
    this.#counters.received += 1
    this.#inFlight += 1
  }

  leave(): void {
    this.#inFlight -= 1
    if (this.#inFlight === 0) this.#onIdle?.()
  }

  countFault(kind: FaultKind): void {
    this.#counters.faults[kind] += 1
  }

  /** Resolves when no request is in flight. */
  idle(): Promise<void> {
    return this.#inFlight === 0 ? Promise.resolve() : new Promise((resolve) => void (this.#onIdle = resolve))
  }

  /** Ends every wait, so that requests in flight stop where they stand: nothing more is executed. */
  close(): void {
    this.timetable.cancel()
    this.slots.close()
    this.pauses.close()
    this.stalls.before.close()
    this.stalls.after.close()
  }
}

function openDraws(seed: number, name: string): () => Chances {
  const open = (purpose: string): Random => openStream(seed, `${name}/${purpose}`)
  const latency = open('latency')
  const latencySecond = open('latency-second')
  const error = open('error')
  const reset = open('reset')
  const body = open('body')
  return () => ({
    latency: latency(),
    latencySecond: latencySecond(),
    error: error(),
    reset: reset(),
    body: body(),
  })
}

function freshCounters(): Counters {
  const faults = { stall: 0, error: 0, resetBefore: 0, resetAfter: 0, truncated: 0, slow: 0, endless: 0 }
  return { received: 0, executed: 0, answered: 0, clientGone: 0, faults }
}
