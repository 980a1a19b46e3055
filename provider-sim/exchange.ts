// One request's way through a port: held, queued, delayed, refused, reset or executed, and answered under the body
// fault of the moment. A client that leaves does not stop it: services keep working for clients that left.

import type { ServerResponse } from 'node:http'
import type { Behaviour, BodyFault } from './behaviour.ts'
import { MAX_HOLD_MS } from './behaviour.ts'
import { sampleMs } from './distribution.ts'
import { resetConnection, sendAnswer } from './faults.ts'
import type { Chances, PortState } from './port-state.ts'
import type { Answer, Service, ServiceRequest } from './service.ts'
import { errorAnswer } from './service.ts'

/**
 * Runs one request to its end. Order: stall before, capacity, latency, error, reset before, execute, reset after, stall
 * after, answer. The behaviour is read at every step, so a change reaches requests that are waiting.
 */
export async function runExchange(
  state: PortState,
  service: Service,
  request: ServiceRequest,
  response: ServerResponse,
): Promise<void> {
  state.enter()
  try {
    const isHealth = request.path === '/health'
    const chances = state.draw(isHealth)
    if (isHealth && state.behaviour.health === 'unaffected') {
      await answerWith(state, await service.handle(request), { type: 'normal' }, response)
      return
    }
    if (!(await passStall(state, 'before', response))) return
    if (!(await state.slots.acquire())) return
    try {
      await serve(state, service, request, response, chances)
    } finally {
      state.slots.release()
    }
  } finally {
    state.leave()
  }
}

async function serve(
  state: PortState,
  service: Service,
  request: ServiceRequest,
  response: ServerResponse,
  chances: Chances,
): Promise<void> {
  const latencyMs = sampleMs(state.behaviour.latency, chances.latency, chances.latencySecond)
  if (latencyMs > 0 && (await state.pauses.wait(latencyMs)) === 'cancelled') return
  if (chances.error < state.behaviour.errorRate) {
    state.countFault('error')
    const answer = errorAnswer(state.behaviour.status, 'injected', 'An injected error: nothing was executed')
    await answerWith(state, answer, chosenBody(state.behaviour, chances), response)
    return
  }
  if (isReset(state.behaviour, 'before', chances)) {
    state.countFault('resetBefore')
    resetConnection(response)
    return
  }
  const answer = await service.handle({ ...request, dedupe: state.behaviour.dedupe })
  if (answer.isExecution) state.counters.executed += 1
  if (isReset(state.behaviour, 'after', chances)) {
    state.countFault('resetAfter')
    resetConnection(response)
    return
  }
  if (!(await passStall(state, 'after', response))) return
  await answerWith(state, answer, chosenBody(state.behaviour, chances), response)
}

/** False when the request ends here: held for too long, then reset; or the port is closing. */
async function passStall(state: PortState, when: 'before' | 'after', response: ServerResponse): Promise<boolean> {
  if (state.behaviour.stall !== when) return true
  state.countFault('stall')
  const end = await state.stalls[when].wait(MAX_HOLD_MS)
  if (end === 'elapsed') resetConnection(response)
  return end === 'released'
}

function isReset(behaviour: Behaviour, when: 'before' | 'after', chances: Chances): boolean {
  return behaviour.reset !== null && behaviour.reset.when === when && chances.reset < behaviour.reset.rate
}

function chosenBody({ body }: Behaviour, chances: Chances): BodyFault {
  return body.type !== 'normal' && chances.body < body.rate ? body : { type: 'normal' }
}

async function answerWith(state: PortState, answer: Answer, fault: BodyFault, response: ServerResponse): Promise<void> {
  if (fault.type !== 'normal' && answer.body !== '') state.countFault(fault.type)
  const end = await sendAnswer(response, answer, fault, state.pauses)
  if (end === 'complete') state.counters.answered += 1
  if (end === 'gone') state.counters.clientGone += 1
}
