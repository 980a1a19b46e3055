// The pool alone: its order, its counts and its end.

import { test } from 'tap'
import { ConnectionPool } from './pool.ts'

void test('a pool lends every connection once and lets the next one wait', async (t) => {
  const pool = new ConnectionPool(['a', 'b'], () => {})
  const lent = [await pool.acquire(), await pool.acquire()]
  t.strictSame(lent.sort(), ['a', 'b'])
  const third = pool.acquire()
  t.strictSame(pool.usage(), { size: 2, inUse: 2, waiting: 1 })
  pool.release('a')
  t.equal(await third, 'a')
  t.strictSame(pool.usage(), { size: 2, inUse: 2, waiting: 0 })
  pool.release('a')
  pool.release('b')
  t.strictSame(pool.usage(), { size: 2, inUse: 0, waiting: 0 })
})

void test('a thousand waiters are served in the order they came', async (t) => {
  const pool = new ConnectionPool(['only'], () => {})
  const served: number[] = []
  const all = Array.from({ length: 1_000 }, async (_, turn) => {
    const connection = await pool.acquire()
    served.push(turn)
    pool.release(connection)
  })
  await Promise.all(all)
  t.strictSame(served, Array.from({ length: 1_000 }, (_, turn) => turn))
})

void test('a closed pool turns waiters away and disposes of a lent connection when it comes back', async (t) => {
  const disposed: string[] = []
  const pool = new ConnectionPool(['a', 'b'], (connection) => disposed.push(connection))
  const first = await pool.acquire()
  const second = await pool.acquire()
  const third = pool.acquire()
  pool.release(second)
  t.equal(await third, second)
  const waiting = pool.acquire()
  pool.release(second)
  await waiting
  const turnedAway = pool.acquire()
  pool.close()
  await t.rejects(turnedAway, { message: 'Cannot lend a connection: the pool is closed' })
  await t.rejects(pool.acquire(), { message: 'Cannot lend a connection: the pool is closed' })
  t.strictSame(disposed, [])
  pool.release(first)
  pool.release(second)
  t.strictSame(disposed.sort(), ['a', 'b'])
  t.equal(pool.usage().inUse, 0)
})
