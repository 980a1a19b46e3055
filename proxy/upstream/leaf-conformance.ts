// What every leaf behind the Upstream interface must do, whatever library is inside: cases of raw bytes on the origin's
// side and reports on the attempt's side. A test file calls `conformLeaf` with the factory of its leaf.

import { test } from 'tap'
import { LeafBench } from './leaf-bench.ts'
import type { LeafCase } from './leaf-bench.ts'
import { answerCases } from './leaf-cases-answer.ts'
import { bodyCases } from './leaf-cases-body.ts'
import { connectionCases } from './leaf-cases-connection.ts'
import { uploadCases } from './leaf-cases-upload.ts'
import type { LeafFactory } from './leaf-fixture.ts'

export const leafCases: readonly LeafCase[] = [...answerCases, ...bodyCases, ...connectionCases, ...uploadCases]

/** Registers every case as a test. `skip`: name of a case → why this leaf cannot do it. */
export function conformLeaf(label: string, create: LeafFactory, skip: Readonly<Record<string, string>> = {}): void {
  for (const leafCase of leafCases) {
    const reason = skip[leafCase.name]
    void test(`${label}: ${leafCase.name}`, { skip: reason ?? false, timeout: 10_000 }, async (t) => {
      await leafCase.run(t, new LeafBench(t, create))
    })
  }
}
