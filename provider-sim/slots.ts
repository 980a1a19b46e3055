// The capacity of one port: so many requests are served at once, the rest wait in arrival order. The line has no bound
// and never forgets a client that left, because that is the fault it simulates: a service that works for nobody.

interface Waiter {
  readonly admit: (isServed: boolean) => void
  next: Waiter | null
}

export class Slots {
  #capacity: number | null
  #inUse = 0
  #waiting = 0
  // A linked line: shifting an array of a hundred thousand waiters would cost more than serving them.
  #head: Waiter | null = null
  #tail: Waiter | null = null
  #isClosed = false

  /** `capacity` null: no limit. */
  constructor(capacity: number | null) {
    this.#capacity = capacity
  }

  get inUse(): number {
    return this.#inUse
  }

  get waiting(): number {
    return this.#waiting
  }

  /** Resolves true with a slot, which the caller gives back by `release`; false when the port closed first. */
  acquire(): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false)
    // Room and a line never last together: whoever makes room admits from the line in the same turn.
    if (this.#hasRoom()) {
      this.#inUse += 1
      return Promise.resolve(true)
    }
    return new Promise((resolve) => {
      const waiter: Waiter = { admit: resolve, next: null }
      if (this.#tail === null) this.#head = waiter
      else this.#tail.next = waiter
      this.#tail = waiter
      this.#waiting += 1
    })
  }

  release(): void {
    this.#inUse -= 1
    this.#admitWaiting()
  }

  /** More room admits waiting requests at once; less room lets those being served finish. */
  resize(capacity: number | null): void {
    this.#capacity = capacity
    this.#admitWaiting()
  }

  /** Sends every waiting request away. */
  close(): void {
    this.#isClosed = true
    for (let waiter = this.#shift(); waiter !== null; waiter = this.#shift()) waiter.admit(false)
  }

  #hasRoom(): boolean {
    return this.#capacity === null || this.#inUse < this.#capacity
  }

  #admitWaiting(): void {
    while (this.#hasRoom()) {
      const waiter = this.#shift()
      if (waiter === null) return
      this.#inUse += 1
      waiter.admit(true)
    }
  }

  #shift(): Waiter | null {
    const first = this.#head
    if (first === null) return null
    this.#head = first.next
    if (this.#head === null) this.#tail = null
    this.#waiting -= 1
    return first
  }
}
