// An append-only file of lines that acknowledges a line only after the disk has it (fdatasync), with group commit:
// lines that arrive during a flush share the next one. It knows nothing of what the lines say.

import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'

/** What the file needs of the disk; a test puts its own in place to see the order of writes and flushes. */
export interface AppendTarget {
  appendFile(data: string): Promise<void>
  datasync(): Promise<void>
  close(): Promise<void>
}

interface Waiting {
  readonly line: string
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class LedgerFile {
  readonly #target: AppendTarget
  #waiting: Waiting[] = []
  #flushing: Promise<void> | null = null
  #flushes = 0
  #failure: Error | null = null

  constructor(target: AppendTarget) {
    this.#target = target
  }

  /** Flushes done so far; with group commit fewer than lines appended under load. */
  get flushes(): number {
    return this.#flushes
  }

  /**
   * Resolves when `line` (without line feed) is on disk. Rejects when writing failed or the file is closed; after one
   * failure every later append rejects, since a page that failed to flush may be gone though the next flush succeeds.
   */
  append(line: string): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line: `${line}\n`, resolve, reject })
      this.#flushing ??= this.#flushWaiting()
    })
  }

  /** Refuses later appends, flushes what waits, closes the file. */
  async close(): Promise<void> {
    this.#failure ??= new Error('Cannot append to the ledger: it is closed')
    await this.#flushing
    await this.#target.close()
  }

  async #flushWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await this.#target.appendFile(batch.map((one) => one.line).join(''))
        await this.#target.datasync()
        this.#flushes += 1
        for (const one of batch) one.resolve()
      } catch (error) {
        this.#fail(error, batch)
      }
    }
    this.#flushing = null
  }

  #fail(error: unknown, batch: readonly Waiting[]): void {
    const failure = new Error(`Cannot append to the ledger: ${String(error)}`, { cause: error })
    this.#failure = failure
    for (const one of [...batch, ...this.#waiting]) one.reject(failure)
    this.#waiting = []
  }
}

export interface OpenedFile {
  readonly file: LedgerFile
  readonly lines: readonly string[]
  /** Bytes after the last line feed, cut off: a write that a crash interrupted and nobody was told of. */
  readonly droppedBytes: number
}

/** Opens or creates the file at `path` and reads its complete lines. Throws what the file system throws. */
export async function openLedgerFile(path: string): Promise<OpenedFile> {
  await mkdir(dirname(path), { recursive: true })
  const handle = await open(path, 'a+')
  try {
    const content = await handle.readFile()
    const completeBytes = content.lastIndexOf(0x0a) + 1
    const droppedBytes = content.length - completeBytes
    if (droppedBytes > 0) await handle.truncate(completeBytes)
    // A new length and a new name must be as durable as the rows that will rely on them.
    await handle.sync()
    await syncFolder(dirname(path))
    return { file: new LedgerFile(handle), lines: splitLines(content.subarray(0, completeBytes)), droppedBytes }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Line by line from bytes: one text of the whole file could pass the longest string Node can make. */
function splitLines(content: Buffer): string[] {
  const lines: string[] = []
  for (let start = 0; start < content.length; ) {
    const end = content.indexOf(0x0a, start)
    lines.push(content.toString('utf8', start, end))
    start = end + 1
  }
  return lines
}
