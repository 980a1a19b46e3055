// A PostgreSQL cluster for one test file, made from the installed binaries and thrown away afterwards. It listens on a
// unix socket in a folder of its own only, and it ends with this process, also when the process is killed.

import { execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ChildProcess } from 'node:child_process'

export interface PostgresCluster {
  readonly url: string
  stop(): Promise<void>
}

export const POSTGRES_MISSING =
  'PostgreSQL is not installed: the tests need its server programs (Debian package "postgresql")'

/** The folder with `initdb` and `postgres`, or null. */
export function findPostgres(): string | null {
  const installed = globSync('/usr/lib/postgresql/*/bin')
  const newestFirst = installed.sort((one, other) => other.localeCompare(one, undefined, { numeric: true }))
  const folders = [askPgConfig(), ...newestFirst]
  return folders.find((folder) => folder !== null && existsSync(join(folder, 'initdb'))) ?? null
}

export async function startPostgres(programs: string): Promise<PostgresCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'pg-'))
  const owner = unprivilegedUser()
  if (owner !== null) chownSync(folder, owner.uid, owner.gid)
  const data = join(folder, 'data')
  execFileSync(join(programs, 'initdb'), ['-D', data, '-U', 'tester', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
    { ...owner, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  // The shell waits on stdin, which ends when this process does, and takes the server with it.
  const script = '"$@" & server=$!; cat > /dev/null; kill -INT $server; wait $server'
  const child = spawn('/bin/sh', ['-c', script, 'sh', join(programs, 'postgres'), '-D', data, '-k', folder,
    '-c', 'listen_addresses=', '-c', 'fsync=off', '-c', 'max_connections=40'],
  { ...owner, cwd: folder, stdio: ['pipe', 'ignore', 'pipe'] })
  await ready(child)
  return {
    url: `postgres:///postgres?host=${encodeURIComponent(folder)}&user=tester`,
    stop: async () => {
      const ended = new Promise((resolve) => child.once('close', resolve))
      child.stdin?.end()
      await ended
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

function askPgConfig(): string | null {
  try {
    return execFileSync('pg_config', ['--bindir'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    // pg_config comes with the developer's package, which is often absent; the usual folders are tried next.
    return null
  }
}

/** The server refuses to run as root, so root lends it to another user; anybody else runs it as oneself. */
function unprivilegedUser(): { uid: number, gid: number } | null {
  if (process.getuid?.() !== 0) return null
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string): number =>
        Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {
      // There is no such user; the next one is tried.
    }
  }
  throw new Error('Cannot run PostgreSQL as root: found neither the user "postgres" nor "nobody"')
}

async function ready(child: ChildProcess): Promise<void> {
  if (child.stderr === null) throw new Error('Cannot read what PostgreSQL says: its stderr is not a pipe')
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line)
    if (line.includes('ready to accept connections')) {
      child.stderr.resume()
      return
    }
  }
  throw new Error(`PostgreSQL did not start:\n${lines.join('\n')}`)
}
