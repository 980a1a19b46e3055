// Notices that the content of a file has changed, also where the name is a symlink that is turned to another file (as
// a Kubernetes volume does it). It asks once a second instead of waiting for events: those do not pass every file
// system, and a second is soon enough.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Clock, Timer } from '../core/clock.ts'

export interface FileWatchOptions {
  readonly path: string
  readonly clock: Clock
  /**
   * Called when other bytes have stood in the file for two looks: nobody is in the middle of writing them. A file that
   * cannot be read for two looks has changed as well: whoever reads it says what is wrong with it.
   */
  readonly changed: () => void
  /** What stands in the file when the watch begins. */
  readonly initial: Uint8Array
  /** Reads the file; rejects when it cannot be read now. */
  readonly read?: (path: string) => Promise<Uint8Array>
}

/** Between two looks, ms. */
const lookEveryMs = 1_000

export class FileWatch {
  readonly #options: FileWatchOptions
  readonly #read: (path: string) => Promise<Uint8Array>
  /** Of what was told of last, and of what was seen last. */
  #known: string
  #seen: string
  #timer: Timer | null = null
  #isClosed = false

  constructor(options: FileWatchOptions) {
    this.#options = options
    this.#read = options.read ?? readFile
    this.#known = this.#seen = hashOf(options.initial)
    this.#schedule()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.clear()
  }

  async #look(): Promise<void> {
    const bytes = await this.#read(this.#options.path).catch(() => null)
    if (this.#isClosed) return
    this.#compare(bytes === null ? unreadable : hashOf(bytes))
    this.#schedule()
  }

  #compare(hash: string): void {
    const isStill = hash === this.#seen
    this.#seen = hash
    if (!isStill || hash === this.#known) return
    this.#known = hash
    this.#options.changed()
  }

  #schedule(): void {
    this.#timer = this.#options.clock.after(lookEveryMs, () => { void this.#look() })
  }
}

/** Stands where the hash of a file would. */
const unreadable = ''

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
