// Bodies of ten gigabytes, both ways, byte for byte and at flat memory. `BODY_GIB` says how many, where there is no
// time for ten.

import { test } from 'tap'
import { downloads, uploads } from '../conformance/large-bodies.ts'

const gibibytes = Number(process.env['BODY_GIB'] ?? 10)

for (const [name, transfer] of Object.entries({ up: uploads, down: downloads })) {
  test(`${gibibytes} GiB ${name} arrive byte for byte at flat memory`, { timeout: 600_000 }, async (t) => {
    const { tookMs, grewMiB, isSame } = await transfer(t, gibibytes * 1024)
    t.comment(`${tookMs} ms, both ends and the proxy held ${grewMiB} MiB`)
    t.ok(isSame)
    t.ok(grewMiB < 100)
  })
}
