// Text of strangers made fit for a log line: control characters become visible escapes and the length is bounded, so
// that neither a terminal nor a reader of lines can be deceived by what a caller sends.

/** C0, DEL, C1, and the line separators that JSON leaves as they are. */
const unsafe = /[\p{Cc}\u2028\u2029]/u
const everyUnsafe = new RegExp(unsafe, 'gu')

/** At most `maxLength` characters of `text`, without control characters; the cut is shown by an ellipsis. */
export function logText(text: string, maxLength: number): string {
  const short = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text
  return unsafe.test(short) ? short.replace(everyUnsafe, escaped) : short
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
