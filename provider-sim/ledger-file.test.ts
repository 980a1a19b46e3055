// The ledger's file: acknowledged means flushed, flushes are shared, and a failure is final.

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import type { AppendTarget } from './ledger-file.ts'
import { LedgerFile, openLedgerFile } from './ledger-file.ts'

/** A disk whose flushes end when the test says so. */
class HeldDisk implements AppendTarget {
  readonly journal: string[] = []
  #held: { resolve: () => void; reject: (error: Error) => void } | null = null

  async appendFile(data: string): Promise<void> {
    this.journal.push(`write ${JSON.stringify(data)}`)
  }

  datasync(): Promise<void> {
    this.journal.push('flush')
    return new Promise((resolve, reject) => void (this.#held = { resolve, reject }))
  }

  async close(): Promise<void> {
    this.journal.push('close')
  }

  /** Ends the flush under way, well or badly, and lets its consequences happen. */
  async end(error?: Error): Promise<void> {
    if (error === undefined) this.#held?.resolve()
    else this.#held?.reject(error)
    await settle()
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('an append is acknowledged only after its flush has ended', async (t) => {
  const disk = new HeldDisk()
  const file = new LedgerFile(disk)
  let isAcknowledged = false
  void file.append('a').then(() => (isAcknowledged = true))
  await settle()
  t.same(disk.journal, ['write "a\\n"', 'flush'])
  t.equal(isAcknowledged, false)
  await disk.end()
  t.equal(isAcknowledged, true)
})

test('appends that arrive during a flush share the next one, none is acknowledged by the flush before', async (t) => {
  const disk = new HeldDisk()
  const file = new LedgerFile(disk)
  const acknowledged: string[] = []
  const append = (line: string): void => void file.append(line).then(() => acknowledged.push(line))
  append('a')
  await settle()
  for (const line of ['b', 'c', 'd']) append(line)
  await disk.end()
  t.same(acknowledged, ['a'])
  t.same(disk.journal.slice(2), ['write "b\\nc\\nd\\n"', 'flush'])
  await disk.end()
  t.same(acknowledged, ['a', 'b', 'c', 'd'])
  t.equal(file.flushes, 2)
})

test('a failed flush rejects its appends, those waiting and all later ones', async (t) => {
  const disk = new HeldDisk()
  const file = new LedgerFile(disk)
  const outcomes = [file.append('a')]
  await settle()
  outcomes.push(file.append('b'))
  for (const outcome of outcomes) outcome.catch(() => {})
  await disk.end(new Error('EIO'))
  for (const outcome of outcomes) await t.rejects(outcome, { message: /Cannot append to the ledger: Error: EIO/ })
  await t.rejects(file.append('c'), { message: /EIO/ })
  t.equal(disk.journal.filter((entry) => entry.startsWith('write')).length, 1)
})

test('closing flushes what waits, then refuses', async (t) => {
  const disk = new HeldDisk()
  const file = new LedgerFile(disk)
  const appended = file.append('a')
  const closing = file.close()
  await t.rejects(file.append('b'), { message: /it is closed/ })
  await settle()
  t.notOk(disk.journal.includes('close'))
  await disk.end()
  await closing
  await appended
  t.equal(disk.journal.at(-1), 'close')
})

test('a file keeps its lines, makes its folder, and drops an interrupted last line', async (t) => {
  const path = join(t.testdir(), 'new', 'folder', 'ledger.ndjson')
  const first = await openLedgerFile(path)
  t.same(first.lines, [])
  await Promise.all(['{"a":"é"}', '{"b":2}'].map((line) => first.file.append(line)))
  await first.file.close()
  appendFileSync(path, '{"interrup')
  const second = await openLedgerFile(path)
  t.same(second.lines, ['{"a":"é"}', '{"b":2}'])
  t.equal(second.droppedBytes, 10)
  await second.file.append('{"c":3}')
  await second.file.close()
  t.equal(readFileSync(path, 'utf8'), '{"a":"é"}\n{"b":2}\n{"c":3}\n')
})

test('a file of nothing but an interrupted line is empty', async (t) => {
  const path = join(t.testdir(), 'ledger.ndjson')
  writeFileSync(path, '{"interrup')
  const { file, lines, droppedBytes } = await openLedgerFile(path)
  t.same([lines, droppedBytes], [[], 10])
  await file.close()
  t.equal(readFileSync(path, 'utf8'), '')
})
