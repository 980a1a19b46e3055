// A service that can be overloaded, as a process: HTTP/1.1 on one port, and its figures on another (GET /figures). The
// clock of its changes starts with the first request. Requests without bodies only. It never refuses and never notices
// that a caller left: that is what it is for.
// Run: node bench/origins/service.ts PORT FIGURES-PORT PLAN-AS-JSON
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { BusyThread } from './busy-thread.ts'
import { Slots } from './slots.ts'
import type { ServiceFigures, ServicePlan, ServiceSample, Workplace } from './workplace.ts'

const sampleEveryMs = 100
/** More than an experiment's connections: what is dropped in the kernel would look like a service that refuses. */
const backlog = 4096
const answer = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 27\r\n\r\n' +
  '{"id":"1","status":"done"}\n'

class Service {
  readonly #plan: ServicePlan
  readonly #workplace: Workplace
  readonly #samples: ServiceSample[] = []
  #startedAtMs = 0
  #arrived = 0
  #finished = 0
  #finishedBySample = 0
  #inVain = 0

  constructor(plan: ServicePlan) {
    this.#plan = plan
    this.#workplace = plan.shape.kind === 'slots' ? new Slots(plan.shape) : new BusyThread(plan.shape)
  }

  figures(): ServiceFigures {
    return {
      startedAtMs: this.#startedAtMs, samples: this.#samples,
      arrived: this.#arrived, finished: this.#finished, inVain: this.#inVain,
    }
  }

  accept = (socket: Socket): void => {
    let tail = ''
    // A caller that leaves is no event here.
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      const parts = (tail + chunk.toString('latin1')).split('\r\n\r\n')
      tail = parts.pop() ?? ''
      for (let i = 0; i < parts.length; i++) this.#take(socket)
    })
  }

  #take(socket: Socket): void {
    if (this.#arrived++ === 0) this.#start()
    this.#workplace.arrive(() => {
      this.#finished++
      if (socket.destroyed) this.#inVain++
      else socket.write(answer)
    })
  }

  #start(): void {
    this.#startedAtMs = Date.now()
    const sinceMs = performance.now()
    for (const change of this.#plan.changes) setTimeout(() => this.#workplace.change(change), change.atMs)
    setInterval(() => {
      const { inService, queued } = this.#workplace
      const finished = this.#finished - this.#finishedBySample
      this.#finishedBySample = this.#finished
      this.#samples.push({ atMs: performance.now() - sinceMs, inService, queued, finished })
    }, sampleEveryMs)
  }
}

const [port, figuresPort, plan] = process.argv.slice(2)
const service = new Service(JSON.parse(plan ?? '') as ServicePlan)
createServer({ noDelay: true }, service.accept).listen({ port: Number(port), host: '127.0.0.1', backlog }, () => {
  // Second, so that whoever finds this port open may use the other.
  createHttpServer((_request, response) => response.end(JSON.stringify(service.figures())))
    .listen(Number(figuresPort), '127.0.0.1')
})
