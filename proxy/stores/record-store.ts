// The contract of the stores, for those who look for it here. It stands in core, as every door does, so that policies
// may know it without knowing a store.

export type * from '../core/record-store.ts'
