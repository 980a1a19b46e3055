// An answer as bytes, taken apart: line, fields in their order, and the body without its framing. For tests that hold
// one answer against another.

export interface AnswerParts {
  readonly line: string
  /** `name: value`, names in lower case. */
  readonly fields: readonly string[]
  readonly body: string
}

/** Of one whole answer as latin1. Throws when it has no head. */
export function answerParts(received: string): AnswerParts {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd < 0) throw new Error(`not an answer: ${JSON.stringify(received)}`)
  const [line = '', ...lines] = received.slice(0, headEnd).split('\r\n')
  const fields = lines.map((field) => {
    const colon = field.indexOf(':')
    return `${field.slice(0, colon).toLowerCase()}: ${field.slice(colon + 1).trim()}`
  })
  const body = received.slice(headEnd + 4)
  return { line, fields, body: fields.includes('transfer-encoding: chunked') && body !== '' ? unchunked(body) : body }
}

function unchunked(text: string): string {
  let data = ''
  for (let at = 0; ;) {
    const lineEnd = text.indexOf('\r\n', at)
    const size = Number.parseInt(text.slice(at, lineEnd), 16)
    if (lineEnd < 0 || Number.isNaN(size)) throw new Error(`a broken chunk: ${JSON.stringify(text.slice(at, at + 80))}`)
    if (size === 0) return data + text.slice(lineEnd + 2, -2)
    data += text.slice(lineEnd + 2, lineEnd + 2 + size)
    at = lineEnd + 2 + size + 2
  }
}
