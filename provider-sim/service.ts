// What the three services have in common: a request whose body has been read, and an answer whose body is a text. The
// faults stand between the two; a service knows of none of them.

export interface ServiceRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** The idempotency key as sent, or null. */
  readonly key: string | null
  readonly body: Buffer
  /** The port it arrived on, and whether that port deduplicates by key at this moment. */
  readonly port: number
  readonly dedupe: 'on' | 'off'
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** True when this request did something: charged, scored, kept an event. */
  readonly isExecution: boolean
}

/** An answer to the experimenter, in pieces since a ledger can be long. */
export interface Inspection {
  readonly status: number
  readonly pieces: Iterable<string>
}

export interface Service {
  /** Answers what experimenters ask (a ledger, a list of events), which no fault touches; null for everything else. */
  inspect(request: ServiceRequest): Inspection | null
  /** Answers what clients ask. Resolves always. */
  handle(request: ServiceRequest): Promise<Answer>
}

export function jsonAnswer(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  const body = JSON.stringify(value)
  return { status, headers: { 'content-type': 'application/json', ...headers }, body, isExecution: false }
}

export function executed(answer: Answer): Answer {
  return { ...answer, isExecution: true }
}

export function errorAnswer(status: number, code: string, message: string): Answer {
  return jsonAnswer(status, { error: { code, message } })
}

export function notFound(request: ServiceRequest): Answer {
  return errorAnswer(404, 'not_found', `Nothing at ${request.method} ${request.path}`)
}

export function inspection(value: unknown): Inspection {
  return { status: 200, pieces: [JSON.stringify(value)] }
}
