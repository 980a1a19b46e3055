// The text of a configuration and its lines: from an offset to the line and column that an editor shows, and to the
// lines around it. It never interprets the text.

/** A stretch of the text, in UTF-16 units. */
export interface Span {
  readonly offset: number
  readonly length: number
}

export class Source {
  readonly file: string
  readonly text: string
  readonly #lineStarts: readonly number[]

  constructor(file: string, text: string) {
    this.file = file
    // A byte order mark is no part of JSON; editors do not count it as a column either.
    this.text = text.startsWith('\uFEFF') ? text.slice(1) : text
    const starts = [0]
    for (let at = this.text.indexOf('\n'); at !== -1; at = this.text.indexOf('\n', at + 1)) starts.push(at + 1)
    this.#lineStarts = starts
  }

  get lineCount(): number { return this.#lineStarts.length }

  /** Line and column, both from 1. */
  placeOf(offset: number): { readonly line: number; readonly column: number } {
    let low = 0
    let high = this.#lineStarts.length - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 }
  }

  /** Where a line begins; lines count from 1. */
  startOf(line: number): number { return this.#lineStarts[line - 1] ?? this.text.length }

  /** A line without its end; '' outside the text. */
  lineAt(line: number): string {
    const start = this.#lineStarts[line - 1]
    if (start === undefined) return ''
    return this.text.slice(start, this.#lineStarts[line] ?? this.text.length).replace(/\r?\n$/, '')
  }
}
