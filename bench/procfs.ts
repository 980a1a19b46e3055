// What Linux says about a process: CPU time and memory, with its threads and children. Reads /proc synchronously, so
// that a reading stands at one moment of a run. Does not work on other systems.
import { readFileSync, readdirSync } from 'node:fs'
import type { MemoryFigures } from './generator/plan.ts'

/** USER_HZ, fixed at 100 in the kernel's user interface on every architecture Node runs on. */
const ticksPerSecond = 100
const nsPerMs = 1e6

/** User and system time in milliseconds that the process, its threads and its living children have used so far. */
export function cpuTimeMs(pid: number): number {
  return sumOver(pid, (one) => scheduledMs(one) ?? tickedMs(one))
}

/** Memory of the process and its children. Zeros when the process is gone. */
export function memoryOf(pid: number): MemoryFigures {
  const pids = processTree(pid)
  const sum = (field: string): number => pids.reduce((bytes, one) => bytes + rollupBytes(one, field), 0)
  return { rssBytes: sum('Rss'), pssBytes: sum('Pss'), anonymousBytes: sum('Pss_Anon') }
}

/** The process and all its living descendants, the process first. */
export function processTree(pid: number): readonly number[] {
  const pids = [pid]
  for (let i = 0; i < pids.length; i++) {
    for (const task of tasksOf(pids[i] ?? pid)) {
      const children = read(`/proc/${pids[i]}/task/${task}/children`) ?? ''
      pids.push(...children.split(' ').filter((text) => text.trim() !== '').map(Number))
    }
  }
  return pids
}

function sumOver(pid: number, figure: (pid: number) => number): number {
  return processTree(pid).reduce((sum, one) => sum + figure(one), 0)
}

// The scheduler's own account, in nanoseconds, thread by thread. /proc/PID/stat counts in ticks of 10 ms, which is 20 %
// of what a good proxy uses in a short run; it serves where the kernel was built without the account.
function scheduledMs(pid: number): number | undefined {
  let sumNs = 0
  for (const task of tasksOf(pid)) {
    const account = read(`/proc/${pid}/task/${task}/schedstat`)
    if (account === undefined) return undefined
    sumNs += Number(account.split(' ')[0])
  }
  return sumNs > 0 ? sumNs / nsPerMs : undefined
}

function tickedMs(pid: number): number {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return 0
  // The second field is the command in parentheses and may hold spaces; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 1000 / ticksPerSecond
}

function rollupBytes(pid: number, field: string): number {
  const rollup = read(`/proc/${pid}/smaps_rollup`) ?? ''
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(rollup)
  return match === null ? 0 : Number(match[1]) * 1024
}

function tasksOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    // The process ended between two readings: it has no threads any more.
    return []
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Gone, or a kernel without this file: the caller knows what absence means.
    return undefined
  }
}
