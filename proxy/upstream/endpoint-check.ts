// A check of one endpoint: a small GET over a connection of its own, of which only the status is read. It shares
// nothing with the attempts, so that neither can be taken for the other's answer.

import type { Clock } from '../core/clock.ts'
import type { FaultCode } from '../core/codes.ts'
import type { CheckResult, Endpoint } from '../core/upstream.ts'
import { HeadReader } from '../http1/head-reader.ts'
import { isStatusLine, ResponseHead } from '../http1/response-head.ts'
import { Line } from './line.ts'
import type { SocketOpening } from './socket-opening.ts'

const headLimits = { headBytes: 16 * 1024, startLineBytes: 4 * 1024, fieldCount: 256, fieldBytes: 8 * 1024 }

export interface EndpointCheck {
  readonly endpoint: Endpoint
  readonly opening: SocketOpening
  /** The Host to be sent; null: the endpoint's own. */
  readonly host: string | null
  readonly path: string
  /** Connection included. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/** The status of the answer, or why there was none. Never rejects. */
export function checkEndpoint(check: EndpointCheck): Promise<CheckResult> {
  const { endpoint, opening, host, path, timeoutMs, clock } = check
  return new Promise((resolve) => {
    const reader = new HeadReader(headLimits, isStatusLine, false)
    const head = new ResponseHead()
    const end = (seen: CheckResult): void => {
      timer.clear()
      line.shut()
      resolve(seen)
    }
    const lost = (fault: FaultCode): void => { end(fault) }
    const timer = clock.after(timeoutMs, () => { lost('upstream.timeout') })
    const socket = opening.open((count, bytes) => {
      // Interim answers say nothing of health: the head that follows them is meant.
      for (let at = 0; at < count;) {
        at = reader.read(bytes, at, count)
        if (reader.status === 'incomplete') return true
        if (reader.status !== 'complete' || !head.parse(reader.text, headLimits)) {
          lost('upstream.malformed')
          return false
        }
        if (head.status >= 200) {
          end(head.status)
          return false
        }
        reader.reset()
      }
      return true
    })
    const line = new Line(socket, opening.isSecure, timeoutMs, clock, {
      opened: () => { socket.write(requestOf(path, host ?? new URL(endpoint.url).host)) },
      drained: () => {},
      ended: () => { lost('upstream.reset') },
      lost,
    })
  })
}

function requestOf(path: string, host: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nuser-agent: seawall-check\r\naccept: */*\r\n`
    + 'connection: close\r\n\r\n'
}
