// Several programs started as one: each waits for the one before to listen, and they stop in the other order. Each
// child leads its own process group, so that Ctrl-C in a terminal reaches only the launcher; none outlives it.

import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { isatty } from 'node:tty'

/** How long a child may take to start and to stop, ms; a drain takes up to 25 s. */
const startWithinMs = 15_000
const stopWithinMs = 30_000
const lookEveryMs = 50
/** npm passes a Ctrl-C on that the terminal has sent already: two within this time are one. */
const sameSignalMs = 500

/**
 * Runs `parts` ({ name, args, ports, env }, in order) until `onSignal` calls back or one of them ends; resolves to the
 * exit code: 0 when it was asked to stop, 1 when a part failed or had to be killed. `say` takes a line.
 */
export async function launch(parts, { say, greeting, onSignal }) {
  const children = []
  const { promise: end, resolve: stop } = Promise.withResolvers()
  const state = { isStopping: false }
  onSignal(signalHandler(state, { stop, say, kill: () => children.forEach(killGroup) }))
  process.on('exit', () => children.forEach(killGroup))
  startAll(parts, { children, state, stop, say }).then(
    (isUp) => { if (isUp) say(greeting) },
    (error) => stop({ code: 1, reason: error.message }),
  )
  const { code, reason } = await end
  state.isStopping = true
  if (reason !== undefined) say(`start: ${reason}; stopping the others`)
  let isClean = true
  for (const child of children.toReversed()) isClean = await stopChild(child, say) && isClean
  return isClean ? code : 1
}

/** The first signal stops in order, a later one kills at once. */
function signalHandler(state, { stop, say, kill }) {
  let firstAt = null
  return () => {
    const now = performance.now()
    if (firstAt === null) {
      firstAt = now
      state.isStopping = true
      say('start: stopping; again to end at once')
      stop({ code: 0 })
    } else if (now - firstAt > sameSignalMs) {
      say('start: ending at once')
      kill()
    }
  }
}

/** Resolves to whether all are up; false when it was told to stop meanwhile. */
async function startAll(parts, { children, state, stop, say }) {
  for (const { name, ports } of parts) {
    const taken = await firstOpen(ports)
    if (taken !== null) {
      throw new Error(`port ${taken} is in use and ${name} needs it: stop the program that holds it, then start again`)
    }
  }
  for (const part of parts) {
    if (state.isStopping) return false
    const child = startChild(part, say)
    children.push(child)
    child.exited.then((how) => stop({ code: 1, reason: `${part.name} ended by itself (${how})` }))
    await allOpen(part, () => child.isOver || state.isStopping)
  }
  return !state.isStopping
}

function startChild({ name, args, env }, say) {
  const child = spawn(process.execPath, args, {
    // A terminal is passed on, though nobody reads from it: by it a child sees that a person waits, and drains at once.
    detached: true, stdio: [isatty(0) ? 'inherit' : 'ignore', 'pipe', 'pipe'], env: { ...process.env, ...env },
  })
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => say(`${name.padEnd(12)} | ${line}`))
  }
  const started = { name, process: child, isOver: false, exited: null }
  started.exited = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  }).then((how) => {
    killGroup(started)
    started.isOver = true
    return how
  })
  return started
}

/** SIGTERM, and SIGKILL for one that does not listen; resolves to whether it ended by itself and well. */
async function stopChild(child, say) {
  if (child.isOver) return true
  child.process.kill('SIGTERM')
  const timer = setTimeout(() => {
    say(`start: ${child.name} did not stop within ${stopWithinMs / 1000} s and is killed`)
    killGroup(child)
  }, stopWithinMs)
  const how = await child.exited
  clearTimeout(timer)
  if (how === 'exit code 0' || how === 'SIGTERM') return true
  say(`start: ${child.name} ended with ${how}`)
  return false
}

/** The child and whatever it has started. */
function killGroup({ process: { pid }, isOver }) {
  if (pid === undefined || isOver) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // Nobody of the group is left, which is what was wanted.
    if (error.code !== 'ESRCH') throw error
  }
}

async function allOpen({ name, ports }, isOver) {
  const lastLookAt = performance.now() + startWithinMs
  for (const port of ports) {
    while (!isOver() && !await isOpen(port)) {
      if (performance.now() > lastLookAt) {
        throw new Error(`${name} does not listen on port ${port} after ${startWithinMs / 1000} s`)
      }
      await new Promise((resolve) => { setTimeout(resolve, lookEveryMs) })
    }
  }
}

async function firstOpen(ports) {
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
