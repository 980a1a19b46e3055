import { test } from 'tap'
import * as fc from 'fast-check'
import type { Plan } from '../core/plan.ts'
import { RouteTable } from '../pipeline/route-table.ts'
import { coveredBy, coversPath } from './route-coverage.ts'

test('a route is covered by one that takes everything it takes', async (t) => {
  const any = { methods: null, host: null }
  t.strictSame(coveredBy({ ...any, path: '/a' }, [{ ...any, path: '/*' }]), [0])
  const both = [{ ...any, path: '/b' }, { ...any, path: '/a' }]
  t.strictSame(coveredBy({ ...any, path: '/a', methods: ['GET'] }, both), [1])
  t.equal(coveredBy({ ...any, path: '/*' }, [{ ...any, path: '/a' }]), null)
  t.equal(coveredBy({ ...any, path: '/a' }, [{ ...any, path: '/a', methods: ['GET'] }]), null)
  t.equal(coveredBy({ ...any, path: '/a' }, [{ ...any, path: '/a', host: 'x' }]), null)
  t.strictSame(coveredBy({ ...any, path: '/a', host: 'x' }, [{ ...any, path: '/a', host: 'x' }]), [0])
})

test('several routes can cover one together, method by method', async (t) => {
  const earlier = [{ methods: ['GET'], host: null, path: '/*' }, null, { methods: ['POST'], host: null, path: '/a' }]
  t.strictSame(coveredBy({ methods: ['GET', 'POST'], host: null, path: '/a' }, earlier), [0, 2])
  t.equal(coveredBy({ methods: ['GET', 'PUT'], host: null, path: '/a' }, earlier), null)
})

test('coverage agrees with the table that routes requests', async (t) => {
  const plan = { route: 'it' } as unknown as Plan
  const matches = (pattern: string, path: string): boolean =>
    new RouteTable([{ match: { listener: 'l', methods: null, host: null, path: pattern }, plan }])
      .find('l', 'GET', '', path) !== null
  const segment = fc.constantFrom('a', 'ab', 'b', ':p')
  const pattern = fc.tuple(fc.array(segment, { maxLength: 3 }), fc.constantFrom('', '/', '/*', '/a*', '/ab*'))
    .map(([segments, end]) => segments.map((one) => `/${one}`).join('') + end || '/')
  const path = fc.array(fc.constantFrom('a', 'ab', 'abc', 'b', 'x'), { maxLength: 4 })
    .chain((segments) => fc.constantFrom(`/${segments.join('/')}`, `/${segments.join('/')}/`.replace('//', '/')))
  let covering = 0
  fc.assert(fc.property(pattern, pattern, fc.array(path, { minLength: 1, maxLength: 20 }), (outer, inner, paths) => {
    if (!coversPath(outer, inner)) return true
    covering++
    return paths.every((one) => !matches(inner, one) || matches(outer, one))
  }), { numRuns: 5000 })
  t.ok(covering > 100, `the law was tried ${covering} times`)
})
