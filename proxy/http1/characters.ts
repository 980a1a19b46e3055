// Which bytes may stand where in HTTP/1.1 (RFC 9110 section 5, RFC 9112 section 5), as tables. Why tables: one load and
// one compare per byte, for every byte of every head.

function tableOf(isMember: (code: number) => boolean): Uint8Array {
  const table = new Uint8Array(256)
  for (let code = 0; code < 256; code++) table[code] = isMember(code) ? 1 : 0
  return table
}

const tokenMarks = "!#$%&'*+-.^_`|~"

/** 1 for the characters of a token: field names, methods. */
export const tokenCharacter: Uint8Array = tableOf((code) => {
  const character = String.fromCharCode(code)
  return code < 128 && (/[A-Za-z0-9]/.test(character) || tokenMarks.includes(character))
})

/** 1 for what a field value, a reason phrase or a chunk extension may hold: HTAB, SP, visible and obs-text. */
export const valueCharacter: Uint8Array = tableOf((code) => code === 9 || (code >= 32 && code !== 127))

/** 1 for what a request target may hold: visible ASCII but `#` (RFC 9112 section 3.2). */
export const targetCharacter: Uint8Array = tableOf((code) => code > 32 && code < 127 && code !== 35)

/** The value of a hexadecimal digit, 255 for everything else. */
export const hexValue: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) => {
  const character = String.fromCharCode(code)
  return /[0-9A-Fa-f]/.test(character) ? Number.parseInt(character, 16) : 255
})

export const TAB = 9
export const LF = 10
export const CR = 13
export const SP = 32
export const QUOTE = 34
export const COLON = 58
export const SEMICOLON = 59
export const BACKSLASH = 92
