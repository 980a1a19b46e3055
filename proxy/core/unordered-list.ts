// HOT PATH — runs for every request that waits, and for every key that is claimed. Rules: docs/decisions/0004.
// Who is here now, in no order, each with its place in it, so that anybody leaves in O(1). It is not a Set: a Set that
// grows and shrinks leaves tables behind of which each keeps the next alive, and with the first one in old space all
// who came after it stay until old space is collected.

/** A member of at most one such list. */
export interface Listed {
  /** Its place in the list; -1: it is in none. */
  listIndex: number
}

export class UnorderedList<Member extends Listed> {
  #members: Member[] = []

  get size(): number { return this.#members.length }

  add(member: Member): void { member.listIndex = this.#members.push(member) - 1 }

  /** Nothing happens to one who is in no list. */
  remove(member: Member): void {
    const at = member.listIndex
    if (at < 0) return
    member.listIndex = -1
    const last = this.#members.pop() as Member
    if (last === member) return
    this.#members[at] = last
    last.listIndex = at
  }

  /** All of them now; they may leave meanwhile. */
  all(): readonly Member[] { return [...this.#members] }

  /** All of them, who thereby have left. */
  takeAll(): readonly Member[] {
    const all = this.#members
    this.#members = []
    for (const member of all) member.listIndex = -1
    return all
  }
}
