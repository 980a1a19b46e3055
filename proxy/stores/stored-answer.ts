// Figures and forms of a stored answer that every store needs: its size, and what is left when its body goes.

import type { BodyGap, StoredAnswer } from '../core/record-store.ts'

/** Bytes the answer takes: body and fields; a record's own overhead is not in it. */
export function answerBytes(answer: StoredAnswer): number {
  let bytes = answer.body?.length ?? 0
  for (const field of answer.headers) bytes += field.length
  for (const field of answer.trailers ?? []) bytes += field.length
  return bytes
}

/** The same answer without its body: final, but no longer to be replayed. */
export function withoutBody(answer: StoredAnswer, gap: BodyGap): StoredAnswer {
  return { ...answer, body: null, trailers: null, gap }
}

/** What is kept where an operator said "it was executed" and has no answer to show. */
export const noAnswer: StoredAnswer = {
  status: 0, statusText: '', headers: [], body: null, trailers: null, gap: 'unseen',
}
