// Bodies of two gigabytes, both ways, byte for byte and at flat memory.

import { test } from 'tap'
import { downloads, uploads } from '../conformance/large-bodies.ts'

for (const [name, transfer] of Object.entries({ up: uploads, down: downloads })) {
  test(`2 GiB ${name} arrive byte for byte at flat memory`, { timeout: 300_000 }, async (t) => {
    const { tookMs, grewMiB, isSame } = await transfer(t, 2048)
    t.comment(`${tookMs} ms, memory of both ends and the proxy grew by ${grewMiB} MiB`)
    t.ok(isSame)
    t.ok(grewMiB < 150)
  })
}
