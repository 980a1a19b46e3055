// A line whose newest waiter of the highest class is served first: an arm of experiments against first in, first out.

import { WaitingLine, classes } from '../../../proxy/algorithms/waiting-line.ts'
import type { LineWaiter } from '../../../proxy/algorithms/waiting-line.ts'

export class NewestFirstLine extends WaitingLine {
  override next(): LineWaiter | null {
    for (let level = 0; level < classes; level++) {
      let newest: LineWaiter | null = null
      for (const group of this.groups) {
        if (group.inUse >= group.ceiling) continue
        const last = group.lists[level]?.last ?? null
        if (last !== null && (newest === null || last.order > newest.order)) newest = last
      }
      if (newest !== null) return newest
    }
    return null
  }
}
