// The files that a configuration was made from, each watched for other content: the configuration itself, and what its
// upstreams name for their encryption. Listeners watch their certificates themselves.

import { FileWatch } from '../config/file-watch.ts'
import type { Clock } from '../core/clock.ts'
import type { Configuration, UpstreamTlsConfiguration } from '../core/configuration.ts'

/** Reads a file; throws when it cannot be read. */
export type ReadBytes = (path: string) => Uint8Array

export class WatchedFiles {
  readonly #clock: Clock
  readonly #read: ReadBytes
  readonly #changed: (path: string) => void
  #watches: ReadonlyMap<string, FileWatch> = new Map()

  /** `changed` is called with the path of a file that has other content for good. */
  constructor(clock: Clock, read: ReadBytes, changed: (path: string) => void) {
    this.#clock = clock
    this.#read = read
    this.#changed = changed
  }

  /** Watches the files of this configuration from now on, and no others. */
  follow({ file, upstreams }: Configuration): void {
    const inForce = new Map(upstreams.flatMap(({ tls }) => tls === undefined ? [] : textsOf(tls)))
    const paths = new Set([...(file === null ? [] : [file]), ...inForce.keys()])
    for (const [path, watch] of this.#watches) if (!paths.has(path)) watch.close()
    this.#watches = new Map([...paths].map((path) =>
      [path, this.#watches.get(path) ?? this.#watch(path, inForce.get(path))]))
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.close()
  }

  /** What is in force was read a while ago: other content by now is a change. */
  #watch(path: string, inForce: string | undefined): FileWatch {
    const initial = inForce === undefined ? this.#contentOf(path) : Buffer.from(inForce)
    return new FileWatch({ path, clock: this.#clock, initial, changed: () => { this.#changed(path) } })
  }

  /** One that has just been taken away is another one when it is there again. */
  #contentOf(path: string): Uint8Array {
    try {
      return this.#read(path)
    } catch {
      return new Uint8Array()
    }
  }
}

/** Each file by its path, with what was read of it. */
function textsOf({ files, ca, cert, key }: UpstreamTlsConfiguration): [string, string][] {
  const texts = [ca, cert, key].filter((text) => text !== null)
  return files.map((path, i) => [path, texts[i] ?? ''])
}
