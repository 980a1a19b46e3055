// The control of one port, under /_control on the port itself: what it does now, and what it shall do from now on. It
// is answered at once whatever the port's behaviour is, and counted nowhere.

import { parseBehaviour } from './behaviour.ts'
import type { Complaint } from './field-checks.ts'
import { InvalidInput, readJson } from './field-checks.ts'
import type { PortState } from './port-state.ts'
import type { Answer, ServiceRequest } from './service.ts'
import { jsonAnswer } from './service.ts'

export const CONTROL_PATH = '/_control'

/** Starts a timetable written as JSON now; an entry without a port means the port `whenUnnamed`. */
export type StartTimetable = (value: unknown, whenUnnamed: string) => void

/** Answers a request whose path lies under CONTROL_PATH; a fault in its body is a 400 that names every field. */
export function control(request: ServiceRequest, state: PortState, startTimetable: StartTimetable): Answer {
  try {
    return answerTo(request, state, startTimetable)
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error
    const { message, complaints } = error
    return jsonAnswer(400, { error: { code: 'control.invalid', message, fields: complaints } })
  }
}

function answerTo(request: ServiceRequest, state: PortState, startTimetable: StartTimetable): Answer {
  switch (`${request.method} ${request.path}`) {
    case `GET ${CONTROL_PATH}`:
      break
    case `POST ${CONTROL_PATH}`:
      state.behave(parseBehaviour(readBody(request, 'behaviour')))
      break
    case `DELETE ${CONTROL_PATH}`:
      state.reset()
      break
    case `POST ${CONTROL_PATH}/timetable`:
      startTimetable(readBody(request, 'timetable'), state.name)
      break
    case `DELETE ${CONTROL_PATH}/timetable`:
      state.timetable.cancel()
      break
    default: {
      const known = `GET, POST, DELETE ${CONTROL_PATH}; POST, DELETE ${CONTROL_PATH}/timetable`
      const message = `Nothing at ${request.method} ${request.path}; there is ${known}`
      return jsonAnswer(404, { error: { code: 'not_found', message } })
    }
  }
  return jsonAnswer(200, describe(state, request.port))
}

function readBody(request: ServiceRequest, what: string): unknown {
  const complaints: Complaint[] = []
  const value = readJson(request.body.toString('utf8'), 'body', complaints)
  if (complaints.length > 0) throw new InvalidInput(what, complaints)
  return value
}

function describe(state: PortState, port: number): Readonly<Record<string, unknown>> {
  return {
    name: state.name,
    port,
    behaviour: state.behaviour,
    counters: state.counters,
    inFlight: state.inFlight,
    waiting: state.slots.waiting,
    stalled: state.stalls.before.size + state.stalls.after.size,
    timetable: { pendingSteps: state.timetable.pendingSteps },
  }
}
