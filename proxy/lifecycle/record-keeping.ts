// The store of records of an instance: made when a route asks for it, opened before anything listens, closed after the
// last word on every claim. What a reload may not change of it is refused here.

import type { Announce } from '../core/announce.ts'
import type { Clock } from '../core/clock.ts'
import type { Configuration, RecordStoreConfiguration, RouteConfiguration } from '../core/configuration.ts'
import type { RecordStore } from '../core/record-store.ts'
import { deskKey } from '../policies/idempotency/desk.ts'
import type { Desk } from '../policies/idempotency/desk.ts'
import type { IdempotencyOptions } from '../policies/idempotency/schema.ts'
import type { Parts } from '../pipeline/parts.ts'
import { guardDefaults, GuardedStore } from '../stores/guarded-store.ts'
import { LmdbStore } from '../stores/lmdb-store.ts'
import { MemoryStore } from '../stores/memory-store.ts'
import { readSealKeys } from '../stores/sealing.ts'
import type { SealKeys } from '../stores/sealing.ts'
import { RedisStore } from '../stores/redis-store.ts'

export class RecordKeeping {
  readonly #clock: Clock
  readonly #announce: Announce
  readonly #parts: Parts
  #configuration: RecordStoreConfiguration
  #isOpen = false
  /** Why it could not even be made: its key file. Told when it is opened. */
  #unmade: unknown = null
  /** Null: no route asks for it. */
  store: RecordStore | null

  constructor(configuration: Configuration, parts: Parts, clock: Clock, announce: Announce) {
    this.#clock = clock
    this.#announce = announce
    this.#parts = parts
    this.#configuration = configuration.stores.idempotency
    this.store = null
    if (!isWanted(configuration)) return
    try {
      this.store = this.#make()
    } catch (error) {
      this.#unmade = error
    }
  }

  /** Rejects with one line that says why the store cannot be used; a server that is away for now is no such reason. */
  async open(): Promise<void> {
    const { store } = this
    if (this.#unmade !== null) throw this.#unmade
    if (store === null || this.#isOpen) return
    const opened = await store.open()
    if (opened.kind === 'fault') {
      const isAway = store.kind === 'redis' && (opened.reason === 'unavailable' || opened.reason === 'timeout')
      if (!isAway) throw new Error(`Cannot open the idempotency store: ${opened.message}`)
      this.#announce({ what: 'store-down', store: 'idempotency', reason: opened.message })
    } else {
      for (const notice of opened.notices) this.#announce({ what: 'store-notice', store: 'idempotency', notice })
    }
    this.#isOpen = true
  }

  /**
   * For another configuration: opens the store where it is wanted for the first time. Rejects, with nothing changed,
   * when that cannot be, or when it would have to be another store (claims in flight belong to the one in use), or when
   * keys would come to belong to others: those of before would be new.
   */
  async prepare(configuration: Configuration, current: Configuration): Promise<void> {
    const fault = scopeFault(configuration, current)
    if (fault !== null) throw new Error(fault)
    const wanted = configuration.stores.idempotency
    const isOther = JSON.stringify(wanted) !== JSON.stringify(this.#configuration)
    if (!isWanted(configuration)) return
    if (this.store !== null) {
      if (isOther) throw new Error('stores.idempotency cannot change while keys are kept: restart with the new one')
      return
    }
    this.#configuration = wanted
    const store = this.#make()
    this.store = store
    try {
      await this.open()
    } catch (error) {
      this.store = null
      throw error
    }
  }

  /** Says the last word on every claim, then closes. */
  async close(): Promise<void> {
    if (this.store === null || !this.#isOpen) return
    this.#isOpen = false
    for (const [, desk] of this.#parts.named<Desk>(deskKey)) await desk.shutDown()
    await this.store.close()
  }

  #make(): RecordStore {
    return new GuardedStore(storeOf(this.#configuration, this.#clock), this.#clock, {
      ...guardDefaults, timeoutMs: this.#configuration.timeoutMs,
      onTurn: (fault) => {
        this.#announce(fault === null
          ? { what: 'store-up', store: 'idempotency' }
          : { what: 'store-down', store: 'idempotency', reason: fault.message })
      },
    })
  }
}

function isWanted({ routes }: Configuration): boolean {
  return routes.some(keepsKeys)
}

function keepsKeys({ options }: RouteConfiguration): boolean {
  return options['idempotency'] !== undefined && options['idempotency'] !== 'off'
}

/** What is wrong where a route that stays keeps its keys apart by something else; null: nothing. */
function scopeFault({ routes }: Configuration, current: Configuration): string | null {
  for (const route of routes) {
    const before = current.routes.find(({ name }) => name === route.name)
    if (before === undefined || !keepsKeys(before) || !keepsKeys(route)) continue
    for (const [what, from, to] of [
      ['idempotency.scope', scopeOf(before), scopeOf(route)], ['upstream', before.upstream, route.upstream],
    ] as const) {
      if (from === to) continue
      return `routes.${route.name}.${what} cannot change from ${from} to ${to} while keys are kept: those of before `
        + 'would count as new and be executed again. Give the route another name if that may be'
    }
  }
  return null
}

function scopeOf({ options }: RouteConfiguration): string {
  const { scope = 'none', perRoute = false } = options['idempotency'] as IdempotencyOptions
  return perRoute ? `${scope}, per route` : scope
}

function storeOf(configuration: RecordStoreConfiguration, clock: Clock): RecordStore {
  const keys = keysOf(configuration.keyFile)
  switch (configuration.type) {
    case 'memory':
      return new MemoryStore(clock, { maxRecords: configuration.maxKeys, maxBytes: configuration.maxBytes })
    case 'lmdb': {
      const { path, durability, maxBytes } = configuration
      return new LmdbStore(clock, { path, durability, maxBytes, keys })
    }
    case 'redis': {
      const { where, prefix, acceptLoss, waitReplicas, closesOnLoss, username, password, timeoutMs } = configuration
      return new RedisStore(clock, {
        where, prefix, acceptLoss, closesOnLoss, keys, connectTimeoutMs: Math.max(1_000, timeoutMs),
        // The other half is for the claim itself.
        replicas: { atLeast: waitReplicas, withinMs: Math.max(1, Math.floor(timeoutMs / 2)) },
        ...username === null ? {} : { username }, ...password === null ? {} : { password },
      })
    }
  }
}

function keysOf(file: string | null): SealKeys | null {
  if (file === null) return null
  const keys = readSealKeys(file)
  if ('kind' in keys) throw new Error(keys.message)
  return keys
}
