// The phases and constants of the probing limit. The constants are counts and ratios, chosen by simulation, and hold at
// every time scale; they are no options of users.

import type { LimitWindow } from './limit-window.ts'

/** What the limit is doing. */
export type Phase =
  /** Goes up from a guess, as long as that pays. */
  | 'climb'
  /** Follows the law. */
  | 'cruise'
  /** Has lowered the limit for a moment. */
  | 'probe'
  /** The law has lowered it by much: what follows says whether that helps. */
  | 'shrink'
  /** The upstream has changed: measures it undisturbed, before it goes on with a trial. */
  | 'look'
  /** Has raised the limit, to tell an upstream that is slow from one that is full. */
  | 'trial'
  /** That has helped: goes on with the next trial if the limit binds again. */
  | 'again'

/** Endings without which nothing is decided. */
export const least = 8

export const law = {
  /** Mean time allowed over the baseline. */
  headroom: 1.25,
  /** Part of √limit that is added: what chance needs so that no slot runs dry. */
  spare: 0.5,
  /** How far a window moves the limit towards what the law says. */
  pace: 0.5,
  /** The least that is left of the limit after one window. */
  fall: 0.6,
  /** Growth a window while answers are as fast as the baseline though the limit binds: there is no queue to fear. */
  stride: 1.4,
  /** A probe lowers the limit to this part, or to the smaller one where few are in flight. */
  probeTo: 0.7,
  probeFewTo: 0.65,
  few: 6,
  /** The next one after a probe that has found the baseline far too high: there may be a long way to go. */
  fallTo: 0.5,
  /** Below this elasticity the probes themselves queue: the baseline is taken to be that much less than they say. */
  queueing: 0.2,
  shade: 0.88,
  /** Above this one nothing queues even at the limit itself. */
  free: 0.65,
  /** Windows of cruising between two probes: at first, and after many that found nothing new. */
  probeAfter: 5,
  probeAfterMost: 20,
  /** Endings that make a window. */
  samples: 64,
  /** The same for a step of a climb, and for a look at what has changed by much: there is no time to lose. */
  samplesToLook: 24,
  turnovers: 8,
  /** Squared standard errors from which on a mean is no chance: somewhat over four of them. */
  certain: 20,
  /** The same where a wrong answer costs little: about three of them. */
  likely: 9,
  /** Above this elasticity a raised limit has brought what it should. */
  elastic: 0.7,
  /** Less than this part of the usual throughput at a longer mean time is a change of the upstream. */
  suspicious: 0.75,
  /** Windows between two trials: at first, and after many that found nothing. */
  trialPause: 20,
  /** Up to here a limit of which nothing is known is first tried upwards. */
  guess: 32,
  /** A trial, or a step of a climb, raises the limit to this many times: the wider, the clearer its answer. */
  trialTo: 3,
  /** Elasticity above which a step of a climb has paid. */
  climbing: 0.5,
  /** Below it, it has not; in between, another window has to tell. */
  doubtful: 0.2,
  trialPauseMost: 640,
  /** A limit that was raised for nothing is taken back to this many times what was in flight. */
  room: 1.5,
}

/** Whether a window has what its phase needs for a decision. */
export function isTelling(window: LimitWindow, phase: Phase, isReturning: boolean): boolean {
  // A turnover of what is in flight, whatever its noise: a climb is not to last.
  if (phase === 'climb' && window.bindingRatio > 0.5) {
    return window.endings >= Math.max(law.samplesToLook, window.meanInFlight)
  }
  const isQuick = phase === 'look' || phase === 'again' || isReturning
  return window.endings >= least && window.hasEnough(isQuick ? law.samplesToLook : law.samples, law.turnovers)
}

/** Whether it has enough to see what is far off. */
export function hasGlimpse(window: LimitWindow, phase: Phase): boolean {
  const { endings, noise, meanInFlight } = window
  if (endings < least) return false
  return endings >= (phase === 'trial' ? Math.max(law.samplesToLook * noise, meanInFlight) : 8 * noise)
}

/** Whether the limit has decided how many were in flight, and not demand alone: for a climb, in bursts at least. */
export function isBindingFor(window: LimitWindow, phase: Phase): boolean {
  return window.bindingRatio >= (phase === 'climb' ? 0.45 : 0.3)
}

/** The part of the limit that a probe leaves. */
export function probePart(limit: number, isFalling: boolean): number {
  if (isFalling) return law.fallTo
  return limit < law.few ? law.probeFewTo : law.probeTo
}

/** Where the limit goes when it was raised and nobody needed all of it: some room above what was used. */
export function metLimit(window: LimitWindow, from: number, limit: number): number {
  return Math.max(from, Math.min(limit, law.room * window.peak))
}

/** Nothing can take longer without a queue than it took with one: a baseline above what is seen, ms, is wrong. */
export function loweredMs(window: LimitWindow, baselineMs: number): number {
  const { meanMs } = window
  const isLower = baselineMs === 0 || (meanMs <= 0.8 * baselineMs && window.errorsFrom(baselineMs) >= law.certain)
  return isLower ? meanMs : baselineMs
}

/** Where the law wants the limit. `throughput`: endings a ms. */
export function neededLimit(limit: number, throughput: number, baselineMs: number): number {
  return law.headroom * throughput * baselineMs + law.spare * Math.sqrt(limit)
}

/** The same, a step at a time. */
export function lawfulLimit(limit: number, throughput: number, baselineMs: number): number {
  return Math.min(1.3 * limit, Math.max(law.fall * limit, neededLimit(limit, throughput, baselineMs)))
}
