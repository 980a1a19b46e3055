// An operator in a hurry: writes another version of the configuration and has it read, at a steady pace, until it is
// told to go. It listens on its first port so that one knows that it is there; what became of the reloads says Seawall.
// Run: node bench/operator.ts READY_PORT PORT ADMIN_PORT ORIGIN_PORT FILE FIRST_VERSION EVERY_MS
import { renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { versionOf } from './changing-configuration.ts'

const [readyPort = 0, port = 0, adminPort = 0, originPort = 0] = process.argv.slice(2, 6).map(Number)
const [file = '', firstVersion = '0', everyMs = '1000'] = process.argv.slice(6)
let version = Number(firstVersion)

createServer().listen(readyPort, '127.0.0.1')
setInterval(() => { void reload() }, Number(everyMs))

async function reload(): Promise<void> {
  // In one step, as whoever is careful does it: the file is never half of it.
  writeFileSync(`${file}.new`, JSON.stringify(versionOf({ port, adminPort, originPort }, version++)))
  renameSync(`${file}.new`, file)
  const answer = await fetch(`http://127.0.0.1:${adminPort}/admin/reload`, { method: 'POST' })
  await answer.text()
}
