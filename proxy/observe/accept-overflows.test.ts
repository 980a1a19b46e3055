import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { acceptOverflows } from './accept-overflows.ts'

test('what the kernel counted before the start is not ours', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'seawall-netstat-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'netstat')
  const write = (count: number): void => writeFileSync(path,
    `TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 ${count} 9\nIpExt: A\nIpExt: 1\n`)
  write(7)
  const family = acceptOverflows(path)
  write(10)
  t.strictSame(family.samples(), [{ labels: {}, value: 3 }])
})

test('where the kernel does not say, nothing is said', async (t) => {
  t.strictSame(acceptOverflows('/nonexistent').samples(), [])
})
