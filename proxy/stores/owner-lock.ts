// Whether the owner of a claim still lives, known without asking it: every owner listens on a unix socket beside the
// store, and others hold a connection to it. The kernel shuts both when a process dies, kill -9 included, so a death is
// seen at once and a paused process still counts as alive.
//
// Why a socket: Node has no file locks; process ids repeat (in containers everyone is 1), and leases need clocks. A
// socket in a folder works across PID and network namespaces that share the folder. It is bound under another name and
// renamed when it listens, because a socket that does not listen yet refuses, as a dead one does.

import { closeSync, constants, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import type { Soon, StoreFault } from '../core/record-store.ts'
import { makeFolder } from './folder.ts'
import { newOwnerName, parseOwnerName } from './owner-name.ts'
import type { OwnerName } from './owner-name.ts'
import { messageOf, storeFault } from './store-fault.ts'

/** A connection that ended although the owner lives (it has no descriptors left) is tried again after this. */
const againMs = 100

/** Names of the dead that are remembered; one more costs a connection that is refused. */
const maxGone = 1_000

export class OwnerLock {
  readonly name: OwnerName
  readonly #clock: Clock
  readonly #folder: string
  readonly #descriptor: number
  readonly #server: Server
  readonly #guests = new Set<Socket>()
  /** Owners seen alive, each with the connection whose end will tell. */
  readonly #watched = new Map<string, Socket>()
  readonly #asked = new Map<string, Promise<boolean>>()
  readonly #gone = new Set<string>()
  readonly #onDeath: () => void
  #isClosed = false

  private constructor(clock: Clock, folder: string, onDeath: () => void) {
    this.name = newOwnerName()
    this.#clock = clock
    this.#folder = folder
    this.#onDeath = onDeath
    makeFolder(folder)
    this.#descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
    this.#server = createServer((guest) => { this.#welcome(guest) })
    this.#server.unref()
  }

  /** Listens in `folder`, which is made where it is missing. `onDeath`: an owner that was watched is gone. */
  static async take(clock: Clock, folder: string, onDeath: () => void): Promise<OwnerLock | StoreFault> {
    try {
      const lock = new OwnerLock(clock, folder, onDeath)
      await lock.#listen()
      return lock
    } catch (error) {
      const seen = messageOf(error)
      return storeFault('misconfigured', `Cannot lock ${folder}: a folder that can hold sockets expected, got ${seen}`)
    }
  }

  /** Whether the owner called `text` is dead; a promise only when it was not known yet. */
  isGone(text: string): Soon<boolean> {
    if (text === this.name.text) return this.#isClosed
    if (this.#watched.has(text)) return false
    if (this.#gone.has(text)) return true
    const owner = parseOwnerName(text)
    // A boot ends every process; and who was not named by us holds no lock of ours.
    if (owner === null || owner.boot !== this.name.boot) return this.#bury(text)
    return this.#ask(text)
  }

  /** Everyone who left a socket here, dead or alive, but for this one. */
  others(): OwnerName[] {
    return readdirSync(this.#folder).flatMap((file) => {
      const owner = file.endsWith('.sock') ? parseOwnerName(file.slice(0, -5)) : null
      return owner === null || owner.text === this.name.text ? [] : [owner]
    })
  }

  /** Takes away the socket of a dead owner, when nothing in the store names it any more. */
  tidy(text: string): void { rmSync(join(this.#folder, `${text}.sock`), { force: true }) }

  /** From here on this owner counts as dead. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const socket of [...this.#guests, ...this.#watched.values()]) socket.destroy()
    await new Promise((resolve) => { this.#server.close(resolve) })
    this.tidy(this.name.text)
    closeSync(this.#descriptor)
  }

  async #listen(): Promise<void> {
    const path = this.#path(`${this.name.text}.new`)
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(path, resolve)
    })
    renameSync(path, this.#path(`${this.name.text}.sock`))
  }

  /** Through the descriptor where there is /proc: a socket's address has room for 107 characters only. */
  #path(file: string): string {
    return process.platform === 'linux' ? `/proc/self/fd/${this.#descriptor}/${file}` : join(this.#folder, file)
  }

  #welcome(guest: Socket): void {
    this.#guests.add(guest)
    guest.unref()
    guest.on('error', () => { /* Its end follows, and that is all there is to know. */ })
    guest.on('close', () => { this.#guests.delete(guest) })
    guest.resume()
  }

  #ask(text: string): Promise<boolean> {
    const asked = this.#asked.get(text)
    if (asked !== undefined) return asked
    const asking = new Promise<boolean>((resolve) => {
      const socket = connect({ path: this.#path(`${text}.sock`) })
      socket.unref()
      socket.resume()
      let isAlive = false
      let code: string | undefined
      socket.on('connect', () => {
        isAlive = true
        this.#asked.delete(text)
        this.#watched.set(text, socket)
        resolve(false)
      })
      socket.on('error', (error: NodeJS.ErrnoException) => { code = error.code })
      socket.on('close', () => {
        this.#asked.delete(text)
        this.#watched.delete(text)
        if (isAlive) { this.#lookAgain(text); return }
        // Anything else (no permission, a full backlog) does not prove a death; a doubt too many would be told.
        resolve((code === 'ECONNREFUSED' || code === 'ENOENT') && this.#bury(text))
      })
    })
    this.#asked.set(text, asking)
    return asking
  }

  /** A connection ended: the owner died, or could not keep it. A refusal tells which. */
  #lookAgain(text: string): void {
    if (this.#isClosed) return
    void this.#ask(text).then((isGone) => {
      if (isGone) { this.#onDeath(); return }
      this.#clock.after(againMs, () => { void this.isGone(text) })
    })
  }

  #bury(text: string): true {
    if (this.#gone.size >= maxGone) this.#gone.clear()
    this.#gone.add(text)
    return true
  }
}
