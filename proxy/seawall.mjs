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

// Objects of a request live for milliseconds, some of them across a collection: enough for V8 to conclude that they are
// long-lived and to make them in old space, where they drag all they point to along. Measured: a quarter of all young
// objects survived each collection, and memory tripled.
setFlagsFromString('--no-allocation-site-pretenuring')

// Run from source the neighbour is TypeScript; in the package it is JavaScript.
var main = existsSync(new URL('./main.ts', import.meta.url)) ? './main.ts' : './main.js'
import(main).then(
  function (module) { return module.main(process.argv.slice(2)) },
).then(
  function (code) { if (typeof code === 'number') process.exitCode = code },
  function (error) {
    console.error(error)
    process.exit(1)
  },
)
