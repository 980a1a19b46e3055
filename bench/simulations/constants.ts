// The constants of a source file, found in its text, and a way to load it with one of them changed: what is scored is
// the production code, which has no seam for this and pays for none.

import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

export interface Constant {
  /** Path of the file, from the root of the repository. */
  readonly file: string
  readonly name: string
  readonly value: number
}

const root = new URL('../../', import.meta.url)

/** `name = 1` or `name: 1`, outside of comments. */
const definition = /\b(\w+)( = |: )(\d+(?:\.\d+)?)(?=[,\s}]|$)/

/** Every number in that file that has a name. */
export function constantsOf(file: string): readonly Constant[] {
  return linesOf(readFileSync(new URL(file, root), 'utf8')).flatMap((line) =>
    [...line.matchAll(new RegExp(definition, 'g'))].map(([, name = '', , value]) =>
      ({ file, name, value: Number(value) })))
}

/** From now on that file is loaded with that constant. Has to be called before anything loads it. */
export function change({ file, name, value }: Constant): void {
  const url = new URL(file, root).href
  registerHooks({
    load: (loaded, context, next) => {
      const result = next(loaded, context)
      if (loaded !== url) return result
      const { source = '' } = result
      const text = typeof source === 'string' ? source : new TextDecoder().decode(source ?? undefined)
      return { ...result, source: changed(text, name, value) }
    },
  })
}

function changed(source: string, name: string, value: number): string {
  let count = 0
  const lines = source.split('\n').map((line) => isCode(line)
    ? line.replaceAll(new RegExp(definition, 'g'), (all: string, found: string, sign: string) => {
      if (found !== name) return all
      count++
      return `${name}${sign}${value}`
    })
    : line)
  if (count !== 1) throw new Error(`${name} is defined ${count} times`)
  return lines.join('\n')
}

/** At the left margin, or one step to the right of it in a table; what stands inside code is no constant. */
const isCode = (line: string): boolean => /^(?:export )?const |^ {2}\w+: [\d.]+,$/.test(line)

const linesOf = (source: string): readonly string[] => source.split('\n').filter(isCode)
