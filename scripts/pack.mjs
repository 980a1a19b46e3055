// What `npm pack` adds before and takes back after: the proxy as JavaScript in dist/, and a manifest for those who
// install it, without the Node that only this checkout pins and without what only its tests need.

import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

const manifest = 'package.json'
const original = 'package.json.packing'

if (process.argv[2] === 'build') build()
else if (process.argv[2] === 'compile') compile()
else if (process.argv[2] === 'restore') restore()
else {
  console.error('usage: node scripts/pack.mjs build|compile|restore')
  process.exitCode = 2
}

function build() {
  // A pack that was cut short has left the original behind; it goes first, or the manifest would be lost.
  if (existsSync(original)) restore()
  compile()
  copyFileSync(manifest, original)
  const published = JSON.parse(readFileSync(manifest, 'utf8'))
  for (const key of ['private', 'scripts', 'devDependencies', 'optionalDependencies']) delete published[key]
  writeFileSync(manifest, `${JSON.stringify(published, null, 2)}\n`)
}

/** The proxy as JavaScript in dist/, and nothing else. */
function compile() {
  rmSync('dist', { recursive: true, force: true })
  execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' })
  mkdirSync('dist/proxy', { recursive: true })
  for (const name of ['seawall.mjs', 'node-floor.mjs']) copyFileSync(`proxy/${name}`, `dist/proxy/${name}`)
}

function restore() {
  if (existsSync(original)) renameSync(original, manifest)
}
