// Max-Forwards of OPTIONS (RFC 9110 section 7.6.2): every hop takes one off. What is no number, or comes twice, is left
// alone. A request that has none left never gets here: the edge answers it.

const line = /^max-forwards:[ \t]*(\d{1,9})$/gim

/** The field lines with one forward less. */
export function oneForwardLess(lines: string): string {
  const found = [...lines.matchAll(line)]
  const [first] = found
  if (first === undefined || found.length > 1) return lines
  return lines.replace(line, `max-forwards: ${Math.max(0, Number(first[1]) - 1)}`)
}
