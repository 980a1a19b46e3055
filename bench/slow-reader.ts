// A caller that reads an answer at a fixed pace, far slower than it is sent: the test of back-pressure through a proxy.
// Reads nothing it was not told to, so the rest waits in sockets or, if the proxy is careless, in its memory.
import { connect } from 'node:net'

export interface SlowReadOptions {
  readonly port: number
  readonly bytesPerSecond: number
  readonly seconds: number
}

export interface SlowReadResult {
  readonly readBytes: number
  /** The proxy or the origin closed before the time was over. */
  readonly wasCut: boolean
}

const readEveryMs = 50

export function readSlowly({ port, bytesPerSecond, seconds }: SlowReadOptions): Promise<SlowReadResult> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const startMs = performance.now()
    let readBytes = 0
    const finish = (wasCut: boolean): void => {
      clearInterval(reader)
      clearTimeout(end)
      socket.destroy()
      resolve({ readBytes, wasCut })
    }
    // Paced by the clock and not by the ticks, so a late tick reads more and the rate holds.
    const reader = setInterval(() => {
      const due = (performance.now() - startMs) / 1000 * bytesPerSecond
      while (readBytes < due && socket.readableLength > 0) {
        const piece = socket.read(Math.min(socket.readableLength, Math.ceil(due - readBytes))) as Buffer | null
        if (piece === null) break
        readBytes += piece.length
      }
      // A paused stream tells its end only to who reads beyond its last byte.
      if (socket.readableLength === 0) socket.read(0)
    }, readEveryMs)
    const end = setTimeout(() => finish(false), seconds * 1000)
    // A listener for 'readable' keeps the stream paused and its buffer at the high-water mark.
    socket.on('readable', () => {})
    socket.on('error', () => finish(true)).on('end', () => finish(true)).on('close', () => finish(true))
    socket.write('GET /export HTTP/1.1\r\nhost: bench\r\n\r\n')
  })
}
