// The store of records as the house reads it: one shape for each type, paths made absolute, addresses taken apart.

import { dirname, resolve } from 'node:path'
import type { RecordStoreConfiguration, RedisPlace } from '../core/configuration.ts'
import type { EffectiveRecordStore } from './effective-file.ts'

/** Bodies in memory, and pages on a disk, where nothing is written. */
const defaultBytes = { memory: 64 * 2 ** 20, lmdb: 4 * 2 ** 30 }

/** `file`: whose folder relative paths start from. Only called when nothing is wrong. */
export function recordStoreOf(store: EffectiveRecordStore, file: string | null): RecordStoreConfiguration {
  const at = (path: string): string => resolve(file === null ? '' : dirname(file), path)
  const keyFile = store.encryption === undefined ? null : at(store.encryption.keyFile)
  const base = { timeoutMs: store.timeout, keyFile }
  switch (store.type) {
    case 'memory':
      return { ...base, type: 'memory', maxKeys: store.maxKeys, maxBytes: store.maxBytes ?? defaultBytes.memory }
    case 'lmdb':
      return {
        ...base, type: 'lmdb', path: at(store.path), durability: store.durability,
        maxBytes: store.maxBytes ?? defaultBytes.lmdb,
      }
    case 'redis':
      return {
        ...base, type: 'redis', prefix: store.prefix, acceptLoss: store.acceptLoss, where: whereOf(store),
        waitReplicas: store.waitReplicas, closesOnLoss: store.onStateLoss === 'closed',
        username: store.username ?? null, password: store.password ?? null,
      }
  }
}

function whereOf({ url, sentinel, cluster }: EffectiveRecordStore): RedisPlace {
  if (sentinel !== undefined) {
    return { kind: 'sentinel', name: sentinel.name, sentinels: sentinel.addresses.map(hostAndPort) }
  }
  return cluster === undefined ? { kind: 'single', url: url ?? '' } : { kind: 'cluster', urls: cluster }
}

function hostAndPort(address: string): { host: string; port: number } {
  const { hostname, port } = new URL(`tcp://${address}`)
  return { host: hostname, port: port === '' ? 26_379 : Number(port) }
}
