// Ports for processes that must be told theirs beforehand.

import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Server } from 'node:net'

/**
 * From here to there: below what the kernel takes for outgoing connections, whose range differs between machines. A
 * port from that range can be taken, between the look and its use, by any connection that a test beside this one makes.
 */
const first = 12_000
const last = Math.max(first + 2_000, Math.min(31_999, firstOutgoing() - 1))

/** Ports of the loopback address that are free now, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = []
  const ports: number[] = []
  for (let tries = 0; ports.length < count; tries++) {
    if (tries > 100 + 10 * count) throw new Error(`Cannot find ${count} free ports from ${first} to ${last}`)
    const port = randomInt(first, last + 1)
    const server = await hold(port)
    if (server === null) continue
    held.push(server)
    ports.push(port)
  }
  await Promise.all(held.map((server) => new Promise((resolve) => { server.close(resolve) })))
  return ports
}

/** Null: somebody else has it. */
function hold(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.on('error', () => resolve(null))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

function firstOutgoing(): number {
  return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0])
}
