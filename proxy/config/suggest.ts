// "Did you mean": the known word nearest to one that is not known, by Damerau's edit distance (insert, delete, replace,
// swap two neighbours). It only proposes words near enough to be a slip.

/** Longer words are not compared: the table grows with their product. */
const longestWord = 64

/** The nearest of `known`; null when none is within a third of the word's length (at least one edit). */
export function nearest(word: string, known: Iterable<string>): string | null {
  if (word.length > longestWord) return null
  let best: string | null = null
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    if (candidate.length > longestWord) continue
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Edits from `a` to `b`, each stretch edited at most once (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let twoUp: number[] = []
  let up = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1
      let edits = Math.min((up[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (up[column - 1] ?? 0) + cost)
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        edits = Math.min(edits, (twoUp[column - 2] ?? 0) + 1)
      }
      current.push(edits)
    }
    twoUp = up
    up = current
  }
  return up[b.length] ?? 0
}
