#!/usr/bin/env node
// The entry: plain JavaScript that looks at the runtime before anything newer is loaded, then hands over to main.

import { existsSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { parserFault, versionFault } from './node-floor.mjs'

var fault = versionFault(process.versions.node) || parserFault(process.execArgv, process.env.NODE_OPTIONS)
if (fault !== null) {
  console.error(fault)
  process.exit(1)
}

// What V8 does by default suits neither the objects of a request (they live for milliseconds, some across a collection,
// which makes V8 create them in old space, where they drag all they point to along: a quarter of all young objects
// survived each collection) nor a small container (both spaces grow to several times what is needed).
setFlagsFromString('--no-allocation-site-pretenuring')
setFlagsFromString('--heap-growing-percent=40')

// A collection of new space is over sooner than threads that share its core with it would have begun to help.
setFlagsFromString('--no-parallel-scavenge')

// The size of new space is read before any script runs, and the number of threads beside it that compile and mark: of
// four on one core the requests would get a fifth. A process that is to serve is replaced by itself, once, with these
// flags; its id and its files stay. What Node begins with cannot be made to hear signals: it takes away every handler
// and unblocks every signal that it was started with.
var isRun = process.argv[2] === 'run'
var given = process.execArgv.concat(String(process.env.NODE_OPTIONS || '').split(/\s+/)).join(' ')
var missing = [['semi-space-size', '--max-semi-space-size=8'], ['v8-pool-size', '--v8-pool-size=1']]
  .filter(function (one) { return given.indexOf(one[0]) < 0 })
  .map(function (one) { return one[1] })
if (isRun && missing.length > 0 && typeof process.execve === 'function') {
  try {
    process.removeAllListeners('warning')
    process.execve(process.execPath, [process.execPath].concat(missing, process.execArgv, process.argv.slice(1)))
  } catch {
    // Not on this system: it runs as well, with more memory.
  }
}

// Who is told to leave before it can serve has nothing to finish, and has not read what a reload would read again.
// "run" listens by itself as soon as it can; then this is not the only listener. Not before the process is replaced:
// what a listener has been told and not yet heard would be lost with it.
function leaveEarly(signal) { if (process.listenerCount(signal) === 1) process.exit(0) }
if (isRun) process.on('SIGTERM', leaveEarly).on('SIGINT', leaveEarly).on('SIGHUP', function () {})

// Run from source the neighbour is TypeScript; in the package it is JavaScript.
var main = existsSync(new URL('./main.ts', import.meta.url)) ? './main.ts' : './main.js'
import(main).then(
  function (module) { return module.main(process.argv.slice(2)) },
).then(
  function (code) {
    if (typeof code !== 'number') return
    process.exitCode = code
    // All is closed and written: nobody waits for what still keeps this process, such as the search for a store.
    if (isRun) process.exit()
  },
  function (error) {
    console.error(error)
    process.exit(1)
  },
)
