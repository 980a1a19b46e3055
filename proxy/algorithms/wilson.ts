// How sure a share is that was seen in few trials: the two ends of Wilson's score interval. It stands in the place of
// "at least so many calls": four failures of four say as much as sixty of ninety.

/** 95 % of the true shares lie between the two ends. */
const defaultZ = 1.96

/** The share is at least this, 0 to 1; 0 without trials. `hits` and `trials` may be fractions (decayed counts). */
export function wilsonLower(hits: number, trials: number, z = defaultZ): number {
  return trials <= 0 ? 0 : Math.max(0, (centre(hits, trials, z) - margin(hits, trials, z)) / scale(trials, z))
}

/** The share is at most this, 0 to 1; 1 without trials. */
export function wilsonUpper(hits: number, trials: number, z = defaultZ): number {
  return trials <= 0 ? 1 : Math.min(1, (centre(hits, trials, z) + margin(hits, trials, z)) / scale(trials, z))
}

function centre(hits: number, trials: number, z: number): number {
  return hits / trials + (z * z) / (2 * trials)
}

function margin(hits: number, trials: number, z: number): number {
  const share = hits / trials
  return z * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials))
}

function scale(trials: number, z: number): number {
  return 1 + (z * z) / trials
}
