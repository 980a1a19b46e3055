// Wakes the loop after a fraction of a millisecond. Node's own timers know whole milliseconds only, and spinning
// through them would take the core from the origin beside us, whose wait would then pass for the proxy's. So a thread
// sleeps in the kernel and posts a message. Holds one alarm at a time.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

const thread = new URL('sleeper-thread.ts', import.meta.url)

/** Shared with the thread: `turn` counts the alarms, `at` is when the latest is due, on the clock of `monotonicMs`. */
export interface SharedAlarm {
  readonly turn: Int32Array
  readonly at: Float64Array
}

export class Sleeper {
  readonly #alarm: SharedAlarm
  readonly #worker: Worker

  private constructor(memory: SharedArrayBuffer, worker: Worker) {
    this.#alarm = alarmIn(memory)
    this.#worker = worker
  }

  /** Resolves when the thread sleeps, so that not even the first alarm is late. */
  static async start(onWake: () => void): Promise<Sleeper> {
    const memory = new SharedArrayBuffer(16)
    // Without the loaders that a test runner may have put before us: the thread needs none, and they are slow.
    const worker = new Worker(thread, { workerData: memory, execArgv: [] })
    await once(worker, 'message')
    worker.on('message', onWake)
    return new Sleeper(memory, worker)
  }

  wakeAfter(delayMs: number): void {
    this.#alarm.at[0] = monotonicMs() + delayMs
    Atomics.add(this.#alarm.turn, 0, 1)
    Atomics.notify(this.#alarm.turn, 0)
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }
}

export function alarmIn(memory: SharedArrayBuffer): SharedAlarm {
  return { turn: new Int32Array(memory, 0, 1), at: new Float64Array(memory, 8, 1) }
}

/** Unlike performance.now(), whose origin differs from thread to thread. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
