// What reading the configuration gave the last time, while every file it was read from says the same. One change is
// told of more than once (the folder is watched, and somebody asks for a reload), and checking all of it holds up
// requests.

import type { Steps } from '../core/steps.ts'

type ReadFile = (path: string) => string

export class LastReading<Result> {
  readonly #readFile: ReadFile
  readonly #make: (readFile: ReadFile) => Steps<Result>
  #last: { readonly result: Result; readonly texts: ReadonlyMap<string, string> } | null = null

  /** `make` reads its files through what it is given, and depends on nothing else that changes. */
  constructor(readFile: ReadFile, make: (readFile: ReadFile) => Steps<Result>) {
    this.#readFile = readFile
    this.#make = make
  }

  *read(): Steps<Result> {
    if (this.#last !== null && this.#isSame(this.#last.texts)) return this.#last.result
    const texts = new Map<string, string>()
    let isWhole = true
    const result = yield* this.#make((path) => {
      try {
        const text = this.#readFile(path)
        texts.set(path, text)
        return text
      } catch (error) {
        isWhole = false
        throw error
      }
    })
    // What could not be read may be there the next time.
    this.#last = isWhole ? { result, texts } : null
    return result
  }

  #isSame(texts: ReadonlyMap<string, string>): boolean {
    try {
      return [...texts].every(([path, text]) => this.#readFile(path) === text)
    } catch {
      return false
    }
  }
}
