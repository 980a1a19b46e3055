// A service that can be overloaded, as a process: HTTP/1.1 on one port, and on another its control, which takes a plan
// (PUT /plan: everything anew, the clock of its changes starts with the next request) and gives figures (GET /figures).
// Requests without bodies only. It never refuses and never notices that a caller left: that is what it is for.
// Run: node bench/origins/service.ts PORT CONTROL-PORT
import { createServer as createHttpServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { BusyThread } from './busy-thread.ts'
import { Slots } from './slots.ts'
import type { ServiceFigures, ServicePlan, ServiceSample, Workplace } from './workplace.ts'

const sampleEveryMs = 100
/** More than an experiment's connections: what is dropped in the kernel would look like a service that refuses. */
const backlog = 4096
const answer = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 27\r\n\r\n{"id":"1","status":"done"}\n'
const idlePlan: ServicePlan = {
  shape: { kind: 'slots', slots: 8, meanMs: 20, spread: 'exponential', seed: 1 }, changes: [],
}

class Service {
  readonly #sockets = new Set<Socket>()
  #plan = idlePlan
  #workplace: Workplace = workplaceOf(idlePlan)
  #timers: NodeJS.Timeout[] = []
  #startedAtMs = 0
  #samples: ServiceSample[] = []
  #arrived = 0
  #finished = 0
  #finishedBySample = 0
  #inVain = 0

  /** Forgets everything, cuts all connections, and works by this plan. */
  reset(plan: ServicePlan): void {
    this.#workplace.close()
    for (const timer of this.#timers) clearTimeout(timer)
    for (const socket of this.#sockets) socket.destroy()
    this.#plan = plan
    this.#workplace = workplaceOf(plan)
    this.#timers = []
    this.#samples = []
    this.#startedAtMs = this.#arrived = this.#finished = this.#finishedBySample = this.#inVain = 0
  }

  figures(): ServiceFigures {
    return {
      startedAtMs: this.#startedAtMs, samples: this.#samples,
      arrived: this.#arrived, finished: this.#finished, inVain: this.#inVain,
    }
  }

  accept = (socket: Socket): void => {
    this.#sockets.add(socket)
    let tail = ''
    // A caller that leaves is no event here.
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      const parts = (tail + chunk.toString('latin1')).split('\r\n\r\n')
      tail = parts.pop() ?? ''
      for (let i = 0; i < parts.length; i++) this.#take(socket)
    })
  }

  #take(socket: Socket): void {
    if (this.#arrived++ === 0) this.#start()
    const plan = this.#plan
    this.#workplace.arrive(() => {
      // Work of a plan that is over.
      if (plan !== this.#plan) return
      this.#finished++
      if (socket.destroyed) this.#inVain++
      else socket.write(answer)
    })
  }

  #start(): void {
    this.#startedAtMs = Date.now()
    const sinceMs = performance.now()
    this.#timers = this.#plan.changes.map((change) => setTimeout(() => this.#workplace.change(change), change.atMs))
    this.#timers.push(setInterval(() => {
      const { inService, queued } = this.#workplace
      const finished = this.#finished - this.#finishedBySample
      this.#finishedBySample = this.#finished
      this.#samples.push({ atMs: performance.now() - sinceMs, inService, queued, finished })
    }, sampleEveryMs))
  }
}

function workplaceOf({ shape }: ServicePlan): Workplace {
  return shape.kind === 'slots' ? new Slots(shape) : new BusyThread(shape)
}

async function control(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'PUT' && request.url === '/plan') {
    service.reset(JSON.parse(await text(request)) as ServicePlan)
    response.writeHead(204).end()
  } else if (request.url === '/figures') response.end(JSON.stringify(service.figures()))
  else response.writeHead(404).end()
}

const [port, controlPort] = process.argv.slice(2).map(Number)
const service = new Service()
createServer({ noDelay: true }, service.accept).listen({ port, host: '127.0.0.1', backlog })
createHttpServer((request, response) => void control(service, request, response)).listen(controlPort, '127.0.0.1')
