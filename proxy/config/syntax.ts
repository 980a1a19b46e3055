// From text to a tree: JSON with comments and trailing commas, its syntax faults, and the bounds that keep a hostile
// file from being read at all. It gives no value a meaning.

import { createScanner, parseTree, printParseErrorCode } from 'jsonc-parser'
import type { Node, ParseError } from 'jsonc-parser'
import { faultAt } from './fault.ts'
import type { Fault } from './fault.ts'
import type { Source } from './source.ts'

/** A configuration of 2,000 routes with all their options is under 4 MiB. */
const longestText = 4_194_304
/** The format itself is six deep; the parser's own recursion ends in thousands. */
const deepest = 64

/** Tokens of jsonc-parser's scanner, by their numbers there. */
const token = { openBrace: 1, closeBrace: 2, openBracket: 3, closeBracket: 4, end: 17 } as const

interface Explanation { readonly message: string; readonly fix: string }

const explanations: Readonly<Record<string, Explanation>> = {
  CommaExpected: { message: 'a comma is missing', fix: 'put a comma behind the value before it' },
  ColonExpected: { message: 'a colon is missing', fix: 'put a colon between key and value' },
  ValueExpected: { message: 'a value is missing', fix: 'write a value: text in double quotes, a number, true, false, '
    + 'a list or an object' },
  PropertyNameExpected: { message: 'a key in double quotes is missing', fix: 'write keys in double quotes' },
  CloseBraceExpected: { message: 'a closing brace is missing', fix: 'close the object with }' },
  CloseBracketExpected: { message: 'a closing bracket is missing', fix: 'close the list with ]' },
  EndOfFileExpected: { message: 'there is more text behind the end', fix: 'keep one object in the file' },
  InvalidSymbol: { message: 'this is no JSON value', fix: 'put text in double quotes' },
  InvalidNumberFormat: { message: 'this is no number', fix: 'write digits, or text with a unit in double quotes' },
  UnexpectedEndOfComment: { message: 'a comment is not closed', fix: 'close it with */' },
  UnexpectedEndOfString: { message: 'a text is not closed', fix: 'close it with a double quote on the same line' },
  InvalidCharacter: { message: 'a control character stands in a text', fix: 'write it as \\t, \\n or \\u00XX' },
  InvalidEscapeCharacter: { message: 'this escape does not exist', fix: 'write \\\\ for a backslash' },
  InvalidUnicode: { message: 'this is no unicode escape', fix: 'write \\u and four hexadecimal digits' },
}

/** Errors after which the tree still says what was meant, so that the other checks can go on. */
const harmless: ReadonlySet<string> = new Set(['CommaExpected'])

/** Errors that end where they stand; behind any other the parser is out of step, and what it says is guessing. */
const isLocal: ReadonlySet<string> = new Set(['CommaExpected', 'InvalidSymbol', 'InvalidNumberFormat',
  'InvalidCharacter', 'InvalidEscapeCharacter', 'InvalidUnicode'])

export interface SyntaxTree {
  /** Null when the tree says too little to go on with. */
  readonly root: Node | null
  readonly faults: readonly Fault[]
}

/** The tree of a text; never throws, whatever the text is. */
export function readTree(source: Source): SyntaxTree {
  const bounds = overBounds(source)
  if (bounds !== null) return { root: null, faults: [bounds] }
  const errors: ParseError[] = []
  const root = parseTree(source.text, errors, { allowTrailingComma: true, disallowComments: false })
  const names = errors.map((error) => nameOf(source, error))
  return {
    root: root !== undefined && names.every((name) => harmless.has(name)) ? root : null,
    faults: syntaxFaults(source, errors),
  }
}

function overBounds(source: Source): Fault | null {
  if (source.text.length > longestText) {
    return faultAt(source, { offset: 0, length: 1 }, {
      code: 'config.too-large', message: 'the file is too long', expected: `at most ${longestText} characters`,
      got: `${source.text.length}`, fix: 'check that this is the configuration and not another file',
    })
  }
  if (source.text.trim() === '') {
    return faultAt(source, { offset: 0, length: 1 }, {
      code: 'config.syntax', message: 'the file is empty', expected: 'one object',
      fix: 'write a configuration; without one there is "seawall run --upstream URL"',
    })
  }
  // A NUL is in no text; UTF-16 and whatever is no text at all have them.
  if (source.text.includes('\0')) {
    return faultAt(source, { offset: source.text.indexOf('\0'), length: 1 }, {
      code: 'config.syntax', message: 'the file is no text in UTF-8', expected: 'JSON in UTF-8',
      fix: 'check that this is the configuration, and save it as UTF-8',
    })
  }
  const scanner = createScanner(source.text, true)
  let depth = 0
  for (let kind: number = scanner.scan(); kind !== token.end; kind = scanner.scan()) {
    if (kind === token.openBrace || kind === token.openBracket) depth++
    if (kind === token.closeBrace || kind === token.closeBracket) depth--
    if (depth > deepest) {
      return faultAt(source, { offset: scanner.getTokenOffset(), length: 1 }, {
        code: 'config.too-large', message: 'the file is nested too deeply', expected: `at most ${deepest} levels`,
        fix: 'check that this is the configuration and not another file',
      })
    }
  }
  return null
}

/** The parser asks for a comma wherever a list or an object is closed by the other's sign. */
function nameOf(source: Source, error: ParseError): string {
  const name = printParseErrorCode(error.error)
  const next = source.text[error.offset]
  if (name !== 'CommaExpected' || (next !== '}' && next !== ']')) return name
  return next === '}' ? 'CloseBracketExpected' : 'CloseBraceExpected'
}

/** One fault a line: what follows on the same line mostly follows from the first. */
function syntaxFaults(source: Source, errors: readonly ParseError[]): readonly Fault[] {
  const byLine = new Map<number, Fault>()
  for (const error of errors) {
    const name = nameOf(source, error)
    const explanation = explanations[name] ?? { message: 'this is not JSON', fix: 'see the line' }
    const fault = faultAt(source, spanOf(source, error, name), { code: 'config.syntax', ...explanation })
    if (byLine.has(fault.line)) continue
    byLine.set(fault.line, fault)
    if (!isLocal.has(name)) break
  }
  return [...byLine.values()]
}

/** A missing comma is missing behind the value before, not where the parser noticed. */
function spanOf(source: Source, error: ParseError, name: string): { offset: number; length: number } {
  if (!name.endsWith('Expected') || name === 'EndOfFileExpected') return error
  const before = lastTokenEnd(source, error.offset)
  if (name === 'CommaExpected') return { offset: before, length: 1 }
  // At the end of the text there is nothing to underline: show the last thing that stands there.
  if (error.offset >= source.text.length) return { offset: Math.max(0, before - 1), length: 1 }
  return error
}

function lastTokenEnd(source: Source, offset: number): number {
  const scanner = createScanner(source.text, true)
  let end = 0
  for (let kind: number = scanner.scan(); kind !== token.end; kind = scanner.scan()) {
    if (scanner.getTokenOffset() >= offset) break
    end = scanner.getTokenOffset() + scanner.getTokenLength()
  }
  return end
}
