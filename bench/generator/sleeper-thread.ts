// The thread behind a Sleeper: sleeps until the alarm it shares with the loop is due, posts one message, and waits for
// the next alarm. Ends when it is terminated.
import { parentPort, workerData } from 'node:worker_threads'
import { alarmIn, monotonicMs } from './sleeper.ts'

const { turn, at } = alarmIn(workerData as SharedArrayBuffer)
const never = new Int32Array(new SharedArrayBuffer(4))

let seen = 0
// The first message says that this thread is ready.
parentPort?.postMessage(null, [])
for (;;) {
  Atomics.wait(turn, 0, seen)
  // Before the message and not after it: the loop may set its next alarm as soon as it is awake.
  seen = Atomics.load(turn, 0)
  const delayMs = (at[0] ?? 0) - monotonicMs()
  // Nobody ever notifies this cell, so it is a plain sleep, to about 50 µs.
  if (delayMs > 0) Atomics.wait(never, 0, 0, delayMs)
  parentPort?.postMessage(null, [])
}
