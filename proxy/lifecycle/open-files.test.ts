import { test } from 'tap'
import { mostConnections, mostOpenFiles } from './open-files.ts'

test('each listener has a share of the files, and the upstreams one; never more than is configured', (t) => {
  t.equal(mostConnections(10_000, 1, Infinity), 10_000)
  t.equal(mostConnections(10_000, 1, 1_048_576), 10_000)
  t.equal(mostConnections(10_000, 1, 1024), 480)
  t.equal(mostConnections(10_000, 3, 1024), 240)
  t.equal(mostConnections(100, 1, 1024), 100)
  t.equal(mostConnections(10_000, 1, 32), 16)
  t.end()
})

test('what this process may open is known', (t) => {
  t.ok(mostOpenFiles() >= 64)
  t.end()
})
