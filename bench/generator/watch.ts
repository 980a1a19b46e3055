// Reads the watched process at the two edges of the measured time, inside the generator, so that no message between
// processes can shift the edges. Measures nothing between them.
import { cpuTimeMs, memoryOf } from '../procfs.ts'
import type { WatchedFigures } from './plan.ts'

export class Watch {
  readonly #pid: number | undefined
  #startCpuMs = 0
  #figures: WatchedFigures | undefined

  constructor(pid: number | undefined) {
    this.#pid = pid
  }

  get figures(): WatchedFigures | undefined {
    return this.#figures
  }

  start(): void {
    if (this.#pid !== undefined) this.#startCpuMs = cpuTimeMs(this.#pid)
  }

  stop(): void {
    if (this.#pid === undefined) return
    const cpuMs = cpuTimeMs(this.#pid) - this.#startCpuMs
    this.#figures = { cpuMs, memory: memoryOf(this.#pid) }
  }
}
