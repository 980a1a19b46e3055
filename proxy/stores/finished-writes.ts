// HOT PATH — runs for every commit. Rules: docs/decisions/0004.
// Cuts the chain that the database leaves behind. It links each write to the next, and never unlinks those that are
// done: as soon as one of them is in old space, all later ones survive every collection of new space, with all that
// they hold.

import type { RootDatabase } from 'lmdb'

/** A write, as the database passes it on after a commit: so much of it as is known and used here. */
export interface Link {
  /** The write behind it. */
  next: Link | null
  /** The first write of the commit behind it. */
  nextTxn?: Link | null
  /** Who is told. */
  meta: unknown
  /** What it wrote, until the database has seen that it is done. Nothing of it is looked at after that. */
  readonly valueBuffer: unknown
}

/** All writes from `next` up to `last` are committed, or have failed. */
interface Committed { readonly next: Link | null; readonly last: Link | null }

export function unlinkFinished(root: RootDatabase<Buffer, string>): void {
  root.on('aftercommit', ({ next, last }: Committed) => {
    // Their promises are resolved behind this call.
    queueMicrotask(() => { unlink(next, last) })
  })
}

export function unlink(first: Link | null, end: Link | null): void {
  let link = first
  // Where the database has yet to pass one by, it needs the way on from there.
  while (link !== null && link !== end && link.valueBuffer === null) {
    const { next } = link
    link.next = null
    link.nextTxn = null
    link.meta = null
    link = next
  }
}
