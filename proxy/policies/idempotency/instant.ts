// HOT PATH — runs for every replay. Rules: docs/decisions/0004.
// An instant as text (RFC 3339, in UTC), from the day of the last one: what is repeated was mostly begun that day, and
// the calendar is what a date costs.

const dayMs = 86_400_000
const two = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'))

let day = NaN
let begun = ''

/** `2026-11-21T17:28:13.042Z` of so many milliseconds since 1970, as Date.toISOString. */
export function instantOf(wallMs: number): string {
  const today = Math.floor(wallMs / dayMs)
  if (today !== day) {
    day = today
    begun = new Date(today * dayMs).toISOString().slice(0, 11)
  }
  const ms = Math.trunc(wallMs - today * dayMs)
  const seconds = Math.floor(ms / 1000)
  const minutes = Math.floor(seconds / 60)
  return `${begun}${two[Math.floor(minutes / 60)]}:${two[minutes % 60]}:${two[seconds % 60]}.`
    + `${String(ms % 1000).padStart(3, '0')}Z`
}
