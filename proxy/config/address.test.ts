import { test } from 'tap'
import { collide, formatAddress, isLoopback, parseAddress } from './address.ts'
import type { ListenAddress } from '../core/configuration.ts'

const at = (text: string): ListenAddress => {
  const address = parseAddress(text)
  if (address === null) throw new Error(`${text} is no address`)
  return address
}

const meet = (a: string, b: string): boolean => collide(at(a), at(b))

test('addresses are read and written the same', async (t) => {
  const right = ['127.0.0.1:8080', '[::1]:80', 'localhost:0', '0.0.0.0:65535', 'unix:/run/s.sock', 'pod-1.svc:80']
  for (const text of right) {
    t.equal(formatAddress(at(text)), text)
  }
})

test('what is no address is refused', async (t) => {
  const wrong = ['', '8080', ':8080', '127.0.0.1', '127.0.0.1:65536', '127.0.0.256:80', '[::g]:80', '::1:80',
    'unix:relative', `unix:/${'x'.repeat(107)}`, 'http://127.0.0.1:80', 'a b:80', '127.0.0.1:-1']
  for (const text of wrong) t.equal(parseAddress(text), null, text)
})

test('only what stays on this machine is loopback', async (t) => {
  const near = ['127.0.0.1:1', '127.9.9.9:1', '[::1]:1', 'localhost:1', 'unix:/s']
  for (const text of near) t.ok(isLoopback(at(text)), text)
  const far = ['0.0.0.0:1', '[::]:1', '10.0.0.1:1', '127.example.com:1']
  for (const text of far) t.notOk(isLoopback(at(text)), text)
})

test('two listeners collide on one port of one interface, or of every interface', async (t) => {
  t.ok(meet('127.0.0.1:80', '127.0.0.1:80'))
  t.ok(meet('localhost:80', '127.0.0.1:80'))
  t.ok(meet('0.0.0.0:80', '10.0.0.1:80'))
  t.ok(meet('10.0.0.1:80', '[::]:80'))
  t.ok(meet('unix:/s', 'unix:/s'))
  t.notOk(meet('127.0.0.1:80', '127.0.0.1:81'))
  t.notOk(meet('127.0.0.1:80', '10.0.0.1:80'))
  t.notOk(meet('127.0.0.1:0', '127.0.0.1:0'), 'port 0 is any free port')
  t.notOk(meet('unix:/s', '127.0.0.1:80'))
})
