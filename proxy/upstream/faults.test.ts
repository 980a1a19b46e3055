// Errors of sockets, and what they say of the upstream.

import { test } from 'tap'
import { causeOf, faultOf } from './faults.ts'
import type { ConnectionPhase } from './faults.ts'

function errorOf(code: string): Error {
  return Object.assign(new Error(`saw ${code}`), { code })
}

await test('each error has its code by how far the connection had come', (t) => {
  const table: [string, ConnectionPhase, string][] = [
    ['ECONNREFUSED', 'connecting', 'upstream.refused'], ['EHOSTUNREACH', 'connecting', 'upstream.refused'],
    ['EADDRNOTAVAIL', 'connecting', 'upstream.refused'], ['ENOTFOUND', 'connecting', 'upstream.dns'],
    ['EAI_AGAIN', 'connecting', 'upstream.dns'], ['ETIMEDOUT', 'connecting', 'upstream.connect-timeout'],
    ['ECONNRESET', 'securing', 'upstream.tls'], ['DEPTH_ZERO_SELF_SIGNED_CERT', 'securing', 'upstream.tls'],
    ['ECONNRESET', 'open', 'upstream.reset'], ['EPIPE', 'open', 'upstream.reset'],
    ['ETIMEDOUT', 'open', 'upstream.reset'],
    ['ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'open', 'upstream.tls'],
  ]
  for (const [code, phase, fault] of table) t.equal(faultOf(errorOf(code), phase), fault, `${code} while ${phase}`)
  t.equal(faultOf(new Error('no code'), 'open'), 'upstream.reset')
  t.end()
})

await test('the cause of several failed addresses names each', (t) => {
  t.equal(causeOf(new AggregateError([errorOf('A'), errorOf('B')])), 'saw A; saw B')
  t.equal(causeOf(errorOf('A')), 'saw A')
  t.end()
})
