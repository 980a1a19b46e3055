// Redis as larger houses run it, as real processes on loopback: a primary with a replica behind three sentinels, and a
// cluster of three primaries with one replica. Small, in folders that go with them, ended by their process ids.

import { createClient } from '@redis/client'
import { freePorts } from './free-port.ts'
import { startRedis, startSentinel } from './redis-server.ts'
import type { RedisServer } from './redis-server.ts'

/** So small that a test waits a second or two for a failover, and not so small that a busy machine starts one. */
const downAfterMs = 1_000
const patienceMs = 20_000

const each = ['--appendfsync', 'everysec', '--maxmemory', '64mb', '--repl-diskless-sync-delay', '0']

export interface SentinelGroup {
  readonly name: string
  readonly primary: RedisServer
  readonly replica: RedisServer
  readonly sentinels: readonly RedisServer[]
  readonly addresses: readonly string[]
  stop(): Promise<void>
}

export async function startSentinelGroup(args: readonly string[] = []): Promise<SentinelGroup> {
  const name = 'charges'
  const primary = await startRedis([...each, ...args])
  const replica = await startRedis([...each, ...args, '--replicaof', `127.0.0.1 ${primary.port}`])
  await until('the replica follows', async () =>
    (await say(replica, ['INFO', 'replication'])).includes('master_link_status:up'))
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel([
    `sentinel monitor ${name} 127.0.0.1 ${primary.port} 2`,
    `sentinel down-after-milliseconds ${name} ${downAfterMs}`, `sentinel failover-timeout ${name} 3000`,
  ])))
  for (const sentinel of sentinels) {
    await until('the sentinels know each other and the replica', async () =>
      /status=ok,.*slaves=1,sentinels=3/.test(await say(sentinel, ['INFO', 'sentinel'])))
  }
  const all = [...sentinels, primary, replica]
  return {
    name, primary, replica, sentinels, addresses: sentinels.map(({ port }) => `127.0.0.1:${port}`),
    stop: async () => { await Promise.all(all.map((one) => one.stop())) },
  }
}

export interface ClusterGroup {
  /** Each has a third of the slots, in this order. */
  readonly primaries: readonly RedisServer[]
  /** Of the first of them. */
  readonly replica: RedisServer
  stop(): Promise<void>
}

const slots = 16_384

export async function startCluster(): Promise<ClusterGroup> {
  const buses = await freePorts(4)
  const nodes = await Promise.all(buses.map((bus) => startRedis([
    ...each, '--cluster-enabled', 'yes', '--cluster-port', String(bus), '--cluster-node-timeout', String(downAfterMs),
    // A third that is gone keeps nobody from the others.
    '--cluster-require-full-coverage', 'no',
  ])))
  const [replica, ...primaries] = nodes as [RedisServer, ...RedisServer[]]
  for (const [i, primary] of primaries.entries()) {
    const [from, below] = [i, i + 1].map((part) => Math.floor(slots * part / primaries.length)) as [number, number]
    await say(primary, ['CLUSTER', 'ADDSLOTSRANGE', String(from), String(below - 1)])
    await say(primary, ['CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1)])
  }
  for (const [i, node] of nodes.entries()) {
    if (i > 0) await say(replica, ['CLUSTER', 'MEET', '127.0.0.1', String(node.port), String(buses[i])])
  }
  const first = primaries[0] as RedisServer
  const id = await say(first, ['CLUSTER', 'MYID'])
  await until('the replica knows whom to follow', async () =>
    await say(replica, ['CLUSTER', 'REPLICATE', id]).catch(() => '') === 'OK')
  for (const node of nodes) {
    await until('the cluster is one', async () => {
      const [info, known] = [await say(node, ['CLUSTER', 'INFO']), await say(node, ['CLUSTER', 'NODES'])]
      return info.includes('cluster_state:ok') && info.includes('cluster_slots_ok:16384') && known.includes('slave')
    })
  }
  await until('the replica follows', async () =>
    (await say(replica, ['INFO', 'replication'])).includes('master_link_status:up'))
  return { primaries, replica, stop: async () => { await Promise.all(nodes.map((one) => one.stop())) } }
}

/** One command to one server; texts of lists one a line. */
export async function say({ url }: RedisServer, command: readonly string[]): Promise<string> {
  const client = createClient({ url, RESP: 2, socket: { reconnectStrategy: false } })
  client.on('error', () => { /* The command fails too. */ })
  await client.connect()
  try {
    const answer = await client.sendCommand<unknown>(command)
    return Array.isArray(answer) ? answer.join('\n') : String(answer)
  } finally {
    client.destroy()
  }
}

export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + patienceMs
  while (!await isSo()) {
    if (performance.now() > endMs) throw new Error(`Not within ${patienceMs} ms: ${what}`)
    await new Promise((resolve) => { setTimeout(resolve, 20) })
  }
}
