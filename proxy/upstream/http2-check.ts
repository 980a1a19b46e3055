// A check of one endpoint over HTTP/2: a small GET over a connection of its own, of which only the status is read. An
// endpoint that chooses HTTP/1.1 is asked in that.

import { connect } from 'node:http2'
import { TLSSocket } from 'node:tls'
import type { FaultCode } from '../core/codes.ts'
import type { CheckResult } from '../core/upstream.ts'
import type { EndpointCheck } from './endpoint-check.ts'
import { streamEndOf } from './http2-faults.ts'
import { Line } from './line.ts'

/** As `checkEndpoint`. `inHttp1`: asks in HTTP/1.1 within what is left of the time. */
export function checkOverHttp2(
  check: EndpointCheck, inHttp1: (leftMs: number) => Promise<CheckResult>,
): Promise<CheckResult> {
  const { endpoint, opening, host, path, timeoutMs, clock } = check
  const startedAt = clock.now()
  return new Promise((resolve) => {
    const end = (seen: CheckResult | Promise<CheckResult>): void => {
      timer.clear()
      line.shut()
      resolve(seen)
    }
    const lost = (fault: FaultCode): void => { end(fault) }
    const timer = clock.after(timeoutMs, () => { lost('upstream.timeout') })
    const ask = (): void => {
      const { socket } = line
      if (socket instanceof TLSSocket && socket.alpnProtocol !== 'h2') {
        return end(inHttp1(Math.max(1, timeoutMs - (clock.now() - startedAt))))
      }
      const client = connect(endpoint.url, { createConnection: () => socket })
      client.on('error', (error) => { lost(streamEndOf(0, error).fault) })
      const stream = client.request({
        ':path': path, ':authority': host ?? new URL(endpoint.url).host, 'user-agent': 'seawall-check', 'accept': '*/*',
      })
      stream.on('error', () => {})
      stream.on('response', (fields) => { end(Number(fields[':status'])) })
      stream.on('close', () => { lost(streamEndOf(stream.rstCode, null).fault) })
      stream.resume()
    }
    const line = new Line(opening.openUnread(), opening.isSecure, timeoutMs, clock, {
      opened: ask, drained: () => {}, ended: () => { lost('upstream.reset') }, lost,
    })
  })
}
