// `npm start`: the whole picture on one machine: the provider simulator, the charge service, and Seawall in front of and
// beside it. Each child leads its own process group, so that Ctrl-C reaches only this launcher; it stops Seawall first
// and waits for it, then the service, then the simulator, as a good platform would.

import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

/** How long a child may take to start and to stop, ms. */
const startMs = 15_000
const stopMs = 30_000

export const parts = [
  { name: 'provider-sim', args: ['provider-sim/main.ts'], ports: [4000, 4001, 4002, 4100, 4200] },
  {
    name: 'service', args: ['sample-service/main.ts'], ports: [3000],
    env: {
      PROVIDER_URL: 'http://127.0.0.1:8081', FRAUD_URL: 'http://127.0.0.1:8082', WEBHOOK_URL: 'http://127.0.0.1:8083',
      RECONCILE_PROVIDER_URL: 'http://127.0.0.1:8084', ADMIN_TOKEN: process.env.ADMIN_TOKEN ?? 'demo',
    },
  },
  {
    name: 'seawall', args: ['proxy/seawall.mjs', 'run', '--config', 'config/charge.json'],
    ports: [8080, 8081, 8082, 8083, 8084, 9900, 9901],
    // Nobody balances towards a demonstration: Ctrl-C need not wait until balancers have looked away.
    env: process.stdin.isTTY ? { DRAIN_DELAY: '0s' } : {},
  },
]

const welcome = `
  callers      http://127.0.0.1:8080   the charge service behind Seawall (directly: http://127.0.0.1:3000)
  way out      http://127.0.0.1:8081   provider · 8082 fraud · 8083 webhook · 8084 reconcile
  admin        http://127.0.0.1:9900/admin/status
  metrics      http://127.0.0.1:9901/metrics

  make a charge:
  curl -i http://127.0.0.1:8080/charge -H 'content-type: application/json' \\
    -d '{"amount":1999,"currency":"eur","customer":"cus_1","source":"tok_visa"}'

  Ctrl-C stops Seawall, then the service, then the simulator.
`

/** Runs the parts until a signal comes or one of them ends; resolves to the exit code. */
export async function launch(list, { say, greeting, onSignal }) {
  const running = []
  let isStopping = false
  let ended = null
  const over = new Promise((resolve) => { ended = resolve })
  onSignal(() => {
    if (isStopping) for (const child of running) child.kill('SIGKILL')
    ended({ code: 0 })
  })
  const start = async () => {
    for (const part of list) {
      const taken = await firstTaken(part.ports)
      if (taken !== null) {
        throw new Error(`port ${taken} is in use and ${part.name} needs it: stop the program that holds it, then start again`)
      }
      const child = startPart(part, say)
      running.push(child)
      child.exited.then((how) => ended({ code: 1, reason: `${part.name} ended by itself (${how})` }))
      await allOpen(part, child)
    }
    say(greeting)
  }
  const failed = start().then(() => new Promise(() => {}), (error) => ({ code: 1, reason: error.message }))
  const end = await Promise.race([over, failed])
  isStopping = true
  if (end.reason !== undefined) say(`start: ${end.reason}`)
  for (const child of running.reverse()) await stopPart(child)
  return end.code
}

function startPart({ name, args, env }, say) {
  const child = spawn(process.execPath, args, {
    detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env },
  })
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => say(`${name.padEnd(12)} | ${line}`))
  }
  child.isOver = false
  child.exited = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  }).then((how) => {
    child.isOver = true
    return how
  })
  return child
}

/** SIGTERM, and SIGKILL for one that does not listen. */
async function stopPart(child) {
  if (child.isOver) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs)
  await child.exited
  clearTimeout(timer)
}

async function allOpen({ name, ports }, child) {
  const deadline = Date.now() + startMs
  for (const port of ports) {
    while (!await isOpen(port)) {
      if (child.isOver) return
      if (Date.now() > deadline) throw new Error(`${name} does not listen on port ${port} after ${startMs / 1000} s`)
      await new Promise((resolve) => { setTimeout(resolve, 50) })
    }
  }
}

async function firstTaken(ports) {
  for (const port of ports) if (await isOpen(port)) return port
  return null
}

function isOpen(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = await launch(parts, {
    say: (line) => console.log(line),
    greeting: welcome,
    onSignal: (tell) => { for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, tell) },
  })
}
