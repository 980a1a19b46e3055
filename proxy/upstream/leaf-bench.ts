// What a conformance case is given: a scripted origin with a leaf in front of it, taken down after the case.

import type { Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import { leafOptions, Sent } from './leaf-fixture.ts'
import type { LeafFactory, LeafOptions, RequestShape } from './leaf-fixture.ts'
import { ScriptedOrigin } from './scripted-origin.ts'
import type { OriginScript } from './scripted-origin.ts'
import type { Upstream } from '../core/upstream.ts'

/** One law; its name is a sentence. */
export interface LeafCase {
  readonly name: string
  run(t: Test, bench: LeafBench): Promise<void>
}

/** An origin with a script and a leaf in front of it. */
export interface Pair {
  readonly origin: ScriptedOrigin
  readonly upstream: Upstream
  send(shape?: RequestShape): Sent
}

/** Makes pairs and takes them down after the case. */
export class LeafBench {
  readonly #t: Test
  readonly #create: LeafFactory

  constructor(t: Test, create: LeafFactory) {
    this.#t = t
    this.#create = create
  }

  async pair(script: OriginScript, overrides: Partial<LeafOptions> = {}): Promise<Pair> {
    const origin = await ScriptedOrigin.listen(script)
    const upstream = this.leaf([origin.port], overrides)
    this.#t.teardown(() => origin.close())
    return { origin, upstream, send: (shape) => sendOver(upstream, shape) }
  }

  leaf(ports: readonly number[], overrides: Partial<LeafOptions> = {}): Upstream {
    const upstream = this.#create(leafOptions(ports, overrides))
    this.#t.teardown(() => { upstream.close() })
    return upstream
  }
}

export function sendOver(upstream: Upstream, shape: RequestShape = {}): Sent {
  const sent = new Sent(shape)
  upstream.send(sent.attempt)
  return sent
}

/** A small complete answer. */
export function answer(body: string, head = ''): string {
  return `HTTP/1.1 200 OK\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`
}

/** Answers every request on every connection with the same bytes. */
export function always(bytes: string): OriginScript {
  return async (peer) => {
    for (;;) {
      await peer.head()
      peer.send(bytes)
    }
  }
}

/** One turn of the event loop: whatever lies in the sockets is read. */
export function turn(): Promise<void> {
  return new Promise((resolve) => { systemClock.endOfTurn(resolve) })
}
