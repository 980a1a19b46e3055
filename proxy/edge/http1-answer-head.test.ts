import { test } from 'tap'
import { answerHead } from './http1-answer-head.ts'

const lineOf = (status: number, reason: string): string | undefined =>
  answerHead(status, reason, [], 0, false, false, 'now').split('\r\n')[0]

test('a status line has the words that came, else those that its status is known by', async (t) => {
  t.equal(lineOf(200, 'Fine'), 'HTTP/1.1 200 Fine')
  t.equal(lineOf(503, ''), 'HTTP/1.1 503 Service Unavailable', 'from HTTP/2, a fallback or an injected fault')
  t.equal(lineOf(599, ''), 'HTTP/1.1 599 ')
})
