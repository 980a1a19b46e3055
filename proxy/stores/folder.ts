// The folder of a store, made with those above it where they are missing. Node does that by itself, and on a file
// system that takes no new folders (/proc, for one) it does so for ever, deaf to signals.

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/** Makes the folder, for its owner alone. Throws where none can be made. */
export function makeFolder(path: string): void {
  try {
    makeLast(path)
  } catch (error) {
    const above = dirname(path)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === path) throw error
    makeFolder(above)
    makeLast(path)
  }
}

function makeLast(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Made by us or by another process; whoever opens it says so when it is no folder.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
