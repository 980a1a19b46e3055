// A multipart body (RFC 2046 section 5.1) without its boundary, which clients draw anew each time they send one form.
// Only for comparing; nothing written here is ever sent.

/** More parts than any form has; beyond it the bytes count. */
const maxParts = 1_000
const crlf = Buffer.from('\r\n')
/** RFC 2046: up to 70 of these, and no space at the end. */
const boundaryForm = /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/

/** The boundary that a content type names; null: it is no multipart, or names none that may be one. */
export function boundaryOf(contentType: string): string | null {
  if (!/^multipart\//i.test(contentType)) return null
  const [, quoted, bare] = /;[ \t]*boundary=(?:"([^"\\]*)"|([^;"\s]+))[ \t]*(?:;|$)/i.exec(contentType) ?? []
  const boundary = quoted ?? bare
  return boundary !== undefined && boundaryForm.test(boundary) ? boundary : null
}

/**
 * Every part as it stands, its header with its content, lengths in front. Null for what is not framed strictly, has
 * anything before the first or after the last boundary, or too many parts: then the bytes count.
 */
export function canonicalMultipart(body: Uint8Array, boundary: string): Buffer | null {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const opening = Buffer.from(`--${boundary}\r\n`)
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  if (!bytes.subarray(0, opening.length).equals(opening)) return null
  const parts: Buffer[] = []
  let at = opening.length
  for (let count = 0; count < maxParts; count++) {
    // The line break of the boundary before may be that of the next one: a part of nothing.
    const end = bytes.indexOf(delimiter, at - crlf.length)
    if (end < 0) return null
    const part = bytes.subarray(at, Math.max(at, end))
    parts.push(Buffer.from(`${part.length}:`), part)
    at = end + delimiter.length
    const next = bytes.subarray(at, at + crlf.length)
    if (next.toString('latin1') === '--') {
      const rest = bytes.subarray(at + 2)
      return rest.length === 0 || rest.equals(crlf) ? Buffer.concat(parts) : null
    }
    if (!next.equals(crlf)) return null
    at += crlf.length
  }
  return null
}
