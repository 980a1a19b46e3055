// What the simulator's tests stand on: a simulator on free ports with a fresh ledger, a client that speaks raw TCP, and
// waiting for a fact instead of a time. No test of its own.

import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Complaint } from './field-checks.ts'
import { InvalidInput } from './field-checks.ts'
import type { Simulator, SimulatorOptions } from './simulator.ts'
import { startSimulator } from './simulator.ts'

/** Starts a simulator that ends with the test. Its ledger is fresh unless `ledgerPath` is given. */
export async function start(t: Test, options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const ledgerPath = options.ledgerPath ?? join(t.testdir(), 'ledger.ndjson')
  const simulator = await startSimulator({ closeGraceMs: 0, ...options, ledgerPath })
  t.teardown(() => simulator.close())
  return simulator
}

export interface Reply {
  readonly status: number
  readonly headers: Headers
  /** The parsed body, or null when there is none. */
  readonly body: Record<string, unknown>
}

export async function call(method: string, url: string, body?: unknown, key?: string): Promise<Reply> {
  const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: text }) })
  const answer = await response.text()
  return { status: response.status, headers: response.headers, body: answer === '' ? {} : JSON.parse(answer) }
}

export function order(reference: string): Record<string, unknown> {
  return { amount: 1_200, currency: 'eur', source: 'tok_visa', reference }
}

export function charge(url: string, reference: string, key?: string): Promise<Reply> {
  return call('POST', `${url}/v1/charges`, order(reference), key)
}

/** Resolves when the fact holds; rejects after `withinMs`, so that a fact that never comes is a red test. */
export async function until(fact: () => boolean | Promise<boolean>, withinMs = 5_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs
  while (!(await fact())) {
    if (performance.now() > giveUpAt) throw new Error(`Not so within ${withinMs} ms: ${fact.toString()}`)
    await nextTurn()
  }
}

/** What a reader complains about; an input that is accepted is complained about by nobody. */
export function complaintsOf(read: () => unknown): readonly Complaint[] {
  try {
    read()
    return []
  } catch (error) {
    if (error instanceof InvalidInput) return error.complaints
    throw error
  }
}

/** A connection on which a test sees every byte and how it ended. */
export interface RawConnection {
  readonly socket: Socket
  /** Everything received so far. */
  received(): string
  /** 'open', 'fin' after an orderly end, or the error's code, such as ECONNRESET. */
  ended(): string
}

/** Sends a charge, or a GET of `path`, as bytes on a connection of its own. */
export function sendRaw(t: Test, port: number, path: string, body?: unknown): RawConnection {
  const socket = connect({ port, host: '127.0.0.1' })
  let text = ''
  let end = 'open'
  socket.setEncoding('latin1')
  socket.on('data', (piece: string) => void (text += piece))
  socket.on('end', () => void (end = 'fin'))
  socket.on('error', (error: NodeJS.ErrnoException) => void (end = error.code ?? error.message))
  const content = body === undefined ? '' : JSON.stringify(body)
  const head = `${body === undefined ? 'GET' : 'POST'} ${path} HTTP/1.1\r\nhost: provider\r\n`
  socket.write(`${head}content-length: ${Buffer.byteLength(content)}\r\n\r\n${content}`)
  t.teardown(() => socket.destroy())
  return { socket, received: () => text, ended: () => end }
}
