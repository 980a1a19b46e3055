// The connection to Redis or Valkey, single, behind sentinels or as a cluster, as the few things the stores need: run a
// script on one key, and speak to every primary. It keeps nothing for later: what cannot be sent now fails now.

import { RESP_TYPES, createClient, createCluster, createSentinel } from '@redis/client'
import type { RedisPlace } from '../core/configuration.ts'
import type { RedisScript } from './redis-scripts.ts'
import { slotOf } from './redis-slot.ts'

export interface RedisOptions {
  readonly where: RedisPlace
  /** For sentinel and cluster, whose nodes have no URL of ours. */
  readonly username?: string
  readonly password?: string
  /** To connect within, and between two tries at most. */
  readonly connectTimeoutMs: number
}

export type RedisArgument = string | Buffer

/** One primary. Answers are strings, numbers and lists of them. */
export interface RedisNode { send(args: readonly string[]): Promise<unknown> }

export interface RedisLink {
  /** Resolves when the first connection stands. One of a single server tries until then, others may reject. */
  connect(): Promise<void>
  readonly isReady: boolean
  /** Runs a script on the node that has `key`; texts come as buffers. Rejects with what the server or socket said. */
  run(script: RedisScript, key: string, args: readonly RedisArgument[]): Promise<unknown>
  /** Of `key`, over the connection that runs scripts on it. */
  primaryOf(key: string): RedisNode
  primaries(): Promise<readonly RedisNode[]>
  close(): void
}

const firstWaitMs = 50

/** How soon those whom a failover changed are asked anew, where nobody told us of it. */
const lookAroundMs = 1_000

/** Of each primary of a cluster, before it is asked anew who they are. */
const firstTries = 3

/** Commands that wait for their answer; beyond it the server is too slow to be of use. */
const maxWaiting = 10_000

const asBuffers = { [RESP_TYPES.BLOB_STRING]: Buffer }

type Send = (key: string, args: RedisArgument[]) => Promise<unknown>

export function linkRedis(options: RedisOptions, onError: (error: unknown) => void): RedisLink {
  const { where } = options
  const node = nodeOptions(options)
  switch (where.kind) {
    case 'single': return linkSingle(where.url, node, onError)
    case 'sentinel': return linkSentinel(where, node, onError)
    case 'cluster': return linkCluster(where.urls, node, onError)
  }
}

type NodeOptions = ReturnType<typeof nodeOptions>

/** Of a connection to one server, whoever named it. */
function nodeOptions({ username, password, connectTimeoutMs }: RedisOptions) {
  return {
    ...username === undefined ? {} : { username },
    ...password === undefined ? {} : { password },
    disableOfflineQueue: true,
    commandsQueueMaxLength: maxWaiting,
    socket: {
      connectTimeout: connectTimeoutMs,
      reconnectStrategy: (tries: number) => Math.min(connectTimeoutMs, firstWaitMs * 2 ** Math.min(tries, 5)),
    },
  }
}

function linkSingle(url: string, node: NodeOptions, onError: (error: unknown) => void): RedisLink {
  const client = createClient({ ...node, url, RESP: 2 })
  client.on('error', onError)
  const only: RedisNode = { send: (args) => client.sendCommand(args) }
  return {
    connect: async () => { await client.connect() },
    get isReady() { return client.isReady },
    run: runner((_, args) => client.sendCommand(args, { typeMapping: asBuffers })),
    primaryOf: () => only,
    primaries: async () => [only],
    close: () => { client.destroy() },
  }
}

function linkSentinel(
  { name, sentinels }: Extract<RedisOptions['where'], { kind: 'sentinel' }>, node: NodeOptions,
  onError: (error: unknown) => void,
): RedisLink {
  const sentinel = createSentinel({
    name, sentinelRootNodes: [...sentinels], nodeClientOptions: { ...node }, RESP: 2, replicaPoolSize: 0,
    // Each command tries the new primary once; its deadline is ours, not theirs.
    maxCommandRediscovers: 1,
    // Without it a link whose sentinels were all away for a moment never comes back.
    scanInterval: lookAroundMs,
  })
  sentinel.on('error', onError)
  const only: RedisNode = { send: (args) => sentinel.sendCommand(false, [...args]) }
  return {
    connect: async () => { await sentinel.connect() },
    get isReady() { return sentinel.isReady },
    run: runner((_, args) => sentinel.sendCommand(false, args, { typeMapping: asBuffers })),
    primaryOf: () => only,
    primaries: async () => [only],
    // What it was doing fails, and nobody waits for it any more.
    close: () => { sentinel.destroy().catch(() => {}) },
  }
}

function linkCluster(urls: readonly string[], node: NodeOptions, onError: (error: unknown) => void): RedisLink {
  let isConnected = false
  const { reconnectStrategy: later } = node.socket
  const socket = {
    ...node.socket,
    // A primary that is gone when we come would be waited for, and whoever takes its place never seen.
    reconnectStrategy: (tries: number) => isConnected || tries < firstTries ? later(tries) : new Error('Not reached'),
  }
  const cluster = createCluster({
    rootNodes: urls.map((url) => ({ url })), defaults: { ...node, socket }, RESP: 2, useReplicas: false,
    topologyRefreshOnReconnectionAttemptStrategy: lookAroundMs,
  })
  cluster.on('error', onError)
  cluster.on('node-error', onError)
  const nodeOf = (master: (typeof cluster.masters)[number]): RedisNode => ({
    send: async (args) => (await cluster.nodeClient(master)).sendCommand(args),
  })
  return {
    connect: async () => {
      await cluster.connect()
      isConnected = true
    },
    get isReady() { return isConnected },
    run: runner((key, args) => cluster.sendCommand(key, false, args, { typeMapping: asBuffers })),
    // Not by key: the client would ask all primaries of some commands, and each answers for itself alone.
    primaryOf: (key) => nodeOf((cluster.slots[slotOf(key)] as (typeof cluster.slots)[number]).master),
    primaries: async () => cluster.masters.map(nodeOf),
    close: () => { cluster.destroy() },
  }
}

/** By digest first; a server that does not know the script (restarted, failed over, flushed) is sent all of it. */
function runner(send: Send): RedisLink['run'] {
  return async (script, key, args) => {
    try {
      return await send(key, ['EVALSHA', script.digest, '1', key, ...args])
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return send(key, ['EVAL', script.source, '1', key, ...args])
    }
  }
}
