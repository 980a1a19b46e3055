import { test } from 'tap'
import type { Plan } from '../core/plan.ts'
import { canonicalPath, hostOf, RouteTable } from './route-table.ts'
import type { RouteMatch } from './route-table.ts'

function table(...routes: (Partial<RouteMatch> & { path: string })[]): RouteTable {
  return new RouteTable(routes.map((match, index) => ({
    match: { listener: 'public', methods: null, host: null, ...match },
    plan: { route: match.path, index } as Plan,
  })))
}

function found(routes: RouteTable, path: string, method = 'GET', authority = 'a.test'): string | null {
  return routes.find('public', method, authority, path)?.route ?? null
}

test('an exact path matches itself only', async (t) => {
  const routes = table({ path: '/charge' })
  t.equal(found(routes, '/charge'), '/charge')
  for (const other of ['/', '/charge/', '/charges', '/charg', '/Charge', '/charge/1']) {
    t.equal(found(routes, other), null, other)
  }
})

test('a final star matches everything that begins with what stands before it', async (t) => {
  const routes = table({ path: '/v1/*' }, { path: '/static*' })
  t.equal(found(routes, '/v1/'), '/v1/*')
  t.equal(found(routes, '/v1/a/b'), '/v1/*')
  t.equal(found(routes, '/v1'), null)
  t.equal(found(routes, '/static'), '/static*')
  t.equal(found(routes, '/static-files/x'), '/static*')
})

test('a parameter stands for one segment that is not empty', async (t) => {
  const routes = table({ path: '/charges/:id' }, { path: '/charges/:id/refunds' })
  t.equal(found(routes, '/charges/7'), '/charges/:id')
  t.equal(found(routes, '/charges/7/refunds'), '/charges/:id/refunds')
  t.equal(found(routes, '/charges/'), null)
  t.equal(found(routes, '/charges/7/8'), null)
})

test('the first route of the file that matches wins, whatever its form', async (t) => {
  t.equal(found(table({ path: '/*' }, { path: '/charge' }), '/charge'), '/*')
  t.equal(found(table({ path: '/charge' }, { path: '/*' }), '/charge'), '/charge')
  t.equal(found(table({ path: '/:any' }, { path: '/charge' }), '/charge'), '/:any')
})

test('method and host are looked at before a route is taken', async (t) => {
  const routes = table({ path: '/x', methods: ['POST'] }, { path: '/x', host: 'b.test' }, { path: '/*' })
  t.equal(routes.find('public', 'POST', 'b.test', '/x')?.index, 0)
  t.equal(routes.find('public', 'GET', 'B.test:8080', '/x')?.index, 1)
  t.equal(routes.find('public', 'GET', 'c.test', '/x')?.index, 2)
  t.equal(routes.find('other', 'GET', 'c.test', '/x'), null)
})

test('paths that mean the same resource are decided the same', async (t) => {
  const same = [
    '/a/b', '//a/b', '/a//b', '/./a/b', '/a/./b', '/a/c/../b', '/%61/b', '/a/%62', '/a%2fb', '/a%2Fb', '/a\\b',
    '/a%5cb', '/x/%2e%2e/a/b', '/../a/b', '/a/b/c/..%2f',
  ]
  const routes = table({ path: '/a/b' }, { path: '/a/b/' }, { path: '/*' })
  for (const path of same) t.match(found(routes, path), /^\/a\/b\/?$/, path)
})

test('canonical paths keep what they cannot know better', async (t) => {
  t.equal(canonicalPath('/a/b'), '/a/b')
  t.equal(canonicalPath('/a%20b'), '/a%20b')
  t.equal(canonicalPath('/a%zz'), '/a%zz')
  t.equal(canonicalPath('/%c3%a9'), '/%C3%A9')
  t.equal(canonicalPath('/..'), '/')
  t.equal(canonicalPath('/a/..'), '/')
  t.equal(canonicalPath('/a/.'), '/a/')
  t.equal(canonicalPath('/.hidden'), '/.hidden')
})

test('a host is compared without port and case, an IPv6 literal with its brackets', async (t) => {
  t.equal(hostOf('A.test:80'), 'a.test')
  t.equal(hostOf('[::1]:80'), '[::1]')
  t.equal(hostOf('[::1]'), '[::1]')
})

test('a thousand routes are found as one is, the last as the first', async (t) => {
  const routes = table(...Array.from({ length: 1000 }, (_, i) => ({ path: `/r${i}/x` })))
  for (const i of [0, 1, 500, 999]) t.equal(routes.find('public', 'GET', '', `/r${i}/x`)?.index, i)
})

test('a question about the whole server goes to whoever takes every path', async (t) => {
  t.equal(found(table({ path: '/a/*' }, { path: '/*' }), '*', 'OPTIONS'), '/*')
  t.equal(found(table({ path: '/a/*' }), '*', 'OPTIONS'), null)
})
