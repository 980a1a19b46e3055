// The certificate files of one listener, and what becomes of them: read at the start, looked at again and again, and
// handed on when they have changed and fit. It looks at the files that the paths lead to, so that a directory of links
// which is swapped as a whole, as Kubernetes does, is a change like any other.

import { readFile, stat } from 'node:fs/promises'
import type { Announce } from '../core/announce.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { ListenerTls } from '../core/configuration.ts'
import { certificateFault, validTo } from './certificate.ts'
import type { CertificateTexts } from './certificate.ts'

export interface CertificateFilesOptions {
  readonly listener: string
  readonly tls: ListenerTls
  readonly clock: Clock
  readonly announce: Announce
  /** Takes a pair that fits, at the start and whenever it has changed. */
  readonly use: (texts: CertificateTexts) => void
  readonly lookEveryMs?: number
}

/** How often the files are looked at, ms: two looks must agree, so that no half of a pair is taken for the whole. */
const defaultLookEveryMs = 1000

export class CertificateFiles {
  readonly #options: CertificateFilesOptions
  readonly #paths: readonly string[]
  /** What the files looked like when they were last read, and at the last look. */
  #known = ''
  #seen = ''
  #timer: Timer | null = null
  #isClosed = false

  constructor(options: CertificateFilesOptions) {
    this.#options = options
    const { cert, key, clientCa } = options.tls
    this.#paths = clientCa === null ? [cert, key] : [cert, key, clientCa]
  }

  /** Reads and hands on; rejects with one line when that cannot be done. From then on it looks for changes. */
  async open(): Promise<void> {
    const { listener, use } = this.#options
    this.#known = this.#seen = await this.#look()
    const texts = await this.#read()
    const wrong = texts instanceof Error ? texts.message : this.#faultOf(texts)
    if (wrong !== null) throw new Error(`Cannot encrypt listener "${listener}": ${wrong}`)
    use(texts as CertificateTexts)
    this.#schedule()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.clear()
  }

  #schedule(): void {
    const { clock, lookEveryMs } = this.#options
    if (this.#isClosed) return
    this.#timer = clock.after(lookEveryMs ?? defaultLookEveryMs, () => {
      this.#lookAgain().then(() => { this.#schedule() }, (error: unknown) => {
        this.#options.announce({ what: 'defect', where: 'edge/certificate-files', error })
        this.#schedule()
      })
    })
  }

  async #lookAgain(): Promise<void> {
    const { announce, listener, use } = this.#options
    const seen = await this.#look()
    const isSettled = seen === this.#seen
    this.#seen = seen
    if (!isSettled || seen === this.#known || this.#isClosed) return
    this.#known = seen
    const texts = await this.#read()
    const reason = texts instanceof Error ? texts.message : this.#faultOf(texts)
    if (reason !== null) return announce({ what: 'certificate-rejected', listener, reason })
    use(texts as CertificateTexts)
    announce({ what: 'certificate-reloaded', listener, validTo: validTo((texts as CertificateTexts).cert) })
  }

  /** What tells one content of the files from another, without reading them. */
  async #look(): Promise<string> {
    const looks = this.#paths.map(async (path) => {
      try {
        const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path)
        return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? 'unreadable'
      }
    })
    return (await Promise.all(looks)).join(' ')
  }

  async #read(): Promise<CertificateTexts | Error> {
    try {
      const reads = this.#paths.map((path) => readFile(path, 'utf8'))
      const [cert = '', key = '', clientCa = null] = await Promise.all(reads)
      return { cert, key, clientCa }
    } catch (error) {
      return error as Error
    }
  }

  #faultOf(texts: CertificateTexts): string | null {
    const fault = certificateFault(texts, this.#options.clock.wallMs())
    return fault === null ? null : `${this.#options.tls[fault.of]}: ${fault.message}`
  }
}
