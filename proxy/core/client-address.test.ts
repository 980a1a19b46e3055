import { test } from 'tap'
import { clientAddress, clientNetwork } from './client-address.ts'
import type { RequestHead } from './caller.ts'

const head = (forwardedFor?: string): RequestHead => ({
  method: 'GET', target: '/', path: '/', authority: 'a', version: 1, expectsContinue: false,
  headers: forwardedFor === undefined ? [] : ['X-Forwarded-For', forwardedFor],
})
const trusts = (address: string): boolean => address.startsWith('10.')

test('whoever is not trusted is the client, whatever it says of others', async (t) => {
  t.equal(clientAddress(head('1.1.1.1'), '9.9.9.9', trusts), '9.9.9.9')
})

test('behind trusted peers the client is the last one that is not', async (t) => {
  t.equal(clientAddress(head('6.6.6.6, 1.1.1.1, 10.0.0.7'), '10.0.0.9', trusts), '1.1.1.1')
  t.equal(clientAddress(head('10.1.1.1, 10.0.0.7'), '10.0.0.9', trusts), '10.1.1.1')
  t.equal(clientAddress(head(), '10.0.0.9', trusts), '10.0.0.9')
  t.equal(clientAddress(head(' , ,'), '10.0.0.9', trusts), '10.0.0.9')
})

test('an IPv4 peer of a dual-stack listener is an IPv4 peer', async (t) => {
  t.equal(clientAddress(head('1.1.1.1'), '::ffff:10.0.0.9', trusts), '1.1.1.1')
})

test('an IPv6 client is its /64, however it is written', async (t) => {
  t.equal(clientNetwork('2001:DB8:0:7:1:2:3:4'), '2001:db8:0:7')
  t.equal(clientNetwork('2001:db8::7'), '2001:db8:0:0')
  t.equal(clientNetwork('::1'), '0:0:0:0')
  t.equal(clientNetwork('192.0.2.1'), '192.0.2.1')
})
