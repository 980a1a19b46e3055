// The generic cell rate algorithm: one number a key says when its next request is due (its theoretical arrival time);
// who comes earlier than the burst allows is told how long to wait. Exact, without timers, without drift after a pause.
// Source: ITU-T I.371, annex A (virtual scheduling).

/** A rate: one request every `intervalMs` in the long run, and up to `burst` (from 1) at once. */
export interface Rate {
  readonly intervalMs: number
  readonly burst: number
}

/** How long the request has to wait, ms; 0: it conforms. `dueAt`: what `nextDue` gave the key last, -Infinity first. */
export function waitMs({ intervalMs, burst }: Rate, dueAt: number, now: number): number {
  return Math.max(0, dueAt - (burst - 1) * intervalMs - now)
}

/** When the key is due after a request that conforms, clock ms. */
export function nextDue({ intervalMs }: Rate, dueAt: number, now: number): number {
  return Math.max(dueAt, now) + intervalMs
}
