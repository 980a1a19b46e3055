// Every history of one key that three claimants can make: messages lost, late and repeated, a crash at every step,
// leases that pass while their owner lives, late answers, an operator. It walks all states breadth first over the pure
// state machine, checks the promises in each, and gives the shortest history that breaks one.

import { asSeen, decideClaim, decideDoubt, decideFinish, decideRelease, decideRenew, decideResolve }
  from '../../../proxy/algorithms/idempotency-record.ts'
import type { HeldRecord } from '../../../proxy/algorithms/idempotency-record.ts'

type Held = HeldRecord<string>

/** The decisions under test; a mutant replaces one. */
export interface Machine {
  readonly asSeen: typeof asSeen<string>
  readonly decideClaim: typeof decideClaim<string>
  readonly decideFinish: typeof decideFinish<string>
  readonly decideRelease: typeof decideRelease<string>
  readonly decideDoubt: typeof decideDoubt<string>
  readonly decideRenew: typeof decideRenew<string>
  readonly decideResolve: typeof decideResolve<string>
}

export const machine: Machine = {
  asSeen, decideClaim, decideFinish, decideRelease, decideDoubt, decideRenew, decideResolve,
}

type Step = 'idle' | 'claiming' | 'granted' | 'dispatched' | 'doubting' | 'over' | 'crashed'

/** One claimant: a process with one request and one token, both called `name`. */
interface Claimant { readonly step: Step; readonly isLapsed: boolean }

interface World {
  readonly record: Held | null
  readonly claimants: Readonly<Record<string, Claimant>>
  /** Messages on their way, each with the copies that may still arrive. */
  readonly wire: Readonly<Record<string, number>>
  /** Who sent the request upstream, in order. */
  readonly dispatched: string
  /** What callers were told, as far as it binds: an answer, or that nobody knows. */
  readonly told: string
  /** What an operator decided, which frees what was told. */
  readonly isResolved: boolean
}

export interface Exploration {
  readonly states: number
  /** The promise that does not hold, with the shortest history that leads there. */
  readonly broken: string | null
  readonly history: readonly string[]
}

export interface ExplorerOptions {
  readonly claimants: readonly string[]
  readonly inDoubt: 'reject' | 'retry'
  readonly machine: Machine
  /** How often a claim, an answer or a release can arrive at most; 1: nothing is repeated. */
  readonly copies: number
  /** Whether a lease can pass while its owner lives. */
  readonly hasLapses: boolean
  /** A guard against a mutant without end. */
  readonly maxStates: number
}

type Next = (what: string, world: World, broken?: string | null) => void

export function explore(options: ExplorerOptions): Exploration {
  const start: World = {
    record: null, wire: {}, dispatched: '', told: '', isResolved: false,
    claimants: Object.fromEntries(options.claimants.map((name) => [name, { step: 'idle', isLapsed: false }])),
  }
  const seen = new Map<string, { readonly from: string; readonly what: string } | null>([[keyOf(start), null]])
  let layer: World[] = [start]
  while (layer.length > 0 && seen.size < options.maxStates) {
    const nextLayer: World[] = []
    for (const world of layer) {
      const from = keyOf(world)
      let failed: Exploration | null = null
      eachStep(world, options, (what, next, broken = null) => {
        const key = keyOf(next)
        const fault = broken ?? faultOf(world, next, options)
        if (fault !== null) failed ??= { states: seen.size, broken: fault, history: [...historyOf(seen, from), what] }
        if (seen.has(key)) return
        seen.set(key, { from, what })
        nextLayer.push(next)
      })
      if (failed !== null) return failed
    }
    layer = nextLayer
  }
  return { states: seen.size, broken: null, history: [] }
}

function keyOf(world: World): string { return JSON.stringify(world) }

function historyOf(seen: Map<string, { readonly from: string; readonly what: string } | null>, key: string): string[] {
  const steps: string[] = []
  for (let at = seen.get(key); at; at = seen.get(at.from)) steps.unshift(at.what)
  return steps
}

/** What must hold between a state and the next. */
function faultOf(before: World, after: World, { inDoubt }: ExplorerOptions): string | null {
  if (inDoubt === 'reject' && after.dispatched.length > 1) return 'dispatched twice'
  const [was, is] = [before.record, after.record]
  if (was?.stage.kind === 'done' && (is?.stage.kind !== 'done' || is.stage.answer !== was.stage.answer)) {
    return 'a done record changed'
  }
  if (is?.stage.kind === 'done' && is.stage.answer !== 'operator' && !after.dispatched.includes(is.stage.answer)) {
    return 'an answer that nobody was sent'
  }
  if (is?.stage.kind === 'done' && is.stage.answer !== 'operator' && is.token !== is.stage.answer) {
    return 'an answer under another\'s token'
  }
  return null
}

function eachStep(world: World, options: ExplorerOptions, next: Next): void {
  for (const name of options.claimants) {
    claimantSteps(world, name, options, next)
  }
  for (const [message, copies] of Object.entries(world.wire)) {
    const wire = { ...world.wire }
    if (copies > 1) wire[message] = copies - 1
    else delete wire[message]
    arrival({ ...world, wire }, message, options, next)
  }
  operatorSteps(world, options, next)
}

function claimantSteps(
  world: World, name: string, { machine, copies: most, hasLapses }: ExplorerOptions, next: Next,
): void {
  const { step, isLapsed } = world.claimants[name] as Claimant
  const go = (to: Step, message: string | null, copies = most): World => ({
    ...world,
    claimants: { ...world.claimants, [name]: { step: to, isLapsed } },
    wire: message === null ? world.wire : { ...world.wire, [`${message} ${name}`]: copies },
  })
  switch (step) {
    case 'idle': next(`${name} claims`, go('claiming', 'claim')); return
    case 'claiming': next(`${name} hears nothing and gives its claim back`, go('over', 'release', 1)); break
    case 'granted': {
      next(`${name} cannot send and releases`, go('over', 'release'))
      // A lease that has passed is renewed before the first byte, or nothing is sent.
      const mayGo = !isLapsed || machine.decideRenew(world.record, name).say === 'stored'
      if (mayGo) {
        const sent = go('dispatched', null)
        const claimants = { ...sent.claimants, [name]: { step: 'dispatched', isLapsed: false } as const }
        next(`${name} dispatches`, { ...sent, claimants, dispatched: world.dispatched + name })
      }
      break
    }
    case 'dispatched':
      next(`${name} is answered`, go('over', 'finish'))
      next(`${name} doubts`, go('doubting', 'doubt', 1))
      break
    case 'doubting': next(`${name} is answered late`, go('over', 'finish')); break
    case 'over': case 'crashed': return
  }
  next(`${name} crashes`, go('crashed', null))
  if (!isLapsed && hasLapses) {
    const claimants = { ...world.claimants, [name]: { step, isLapsed: true } }
    next(`the lease of ${name} passes`, { ...world, claimants })
  }
}

/** A copy of a message reaches the store; what it answers may be lost on the way. */
function arrival(world: World, message: string, options: ExplorerOptions, next: Next): void {
  const [verb, name] = message.split(' ') as [string, string]
  const { machine } = options
  const { record } = world
  if (verb === 'claim') { claimArrives(world, name, options, next); return }
  const change = verb === 'finish' ? machine.decideFinish(record, name, name, 1, 0)
    : verb === 'release' ? machine.decideRelease(record, name)
      : machine.decideDoubt(record, name, 'timeout')
  next(`${message}: ${change.say}`, { ...world, record: change.next === undefined ? record : change.next })
}

function claimArrives(world: World, name: string, { machine, inDoubt }: ExplorerOptions, next: Next): void {
  const seen = seenBy(world, machine)
  const { say, next: written } = machine.decideClaim(seen, {
    key: 'k', fingerprint: 'f', credential: '', token: name, leaseMs: 1, ttlMs: 1, inDoubt,
  }, name, 0)
  const isTold = say === 'held'
  // A loss is written down before it is told.
  const record = written === undefined ? (isTold ? seen : world.record) : written
  const after: World = { ...world, record }
  next(`claim ${name}: ${say}, unheard`, after)
  if (world.claimants[name]?.step !== 'claiming') return
  const step: Step = say === 'taken' ? 'granted' : 'over'
  const claimants = { ...world.claimants, [name]: { step, isLapsed: world.claimants[name].isLapsed } }
  const stage = record?.stage
  const words = say === 'taken' ? 'taken' : stage?.kind === 'done' ? `done ${stage.answer}` : stage?.kind
  const broken = inDoubt === 'reject' && !world.isResolved ? contradiction(world.told, String(words)) : null
  const told = words?.startsWith('done') || (words === 'unknown' && world.told === '') ? words : world.told
  next(`claim ${name}: ${words}`, { ...after, claimants, told }, broken)
}

/** Whoever was told an answer hears it for ever; whoever was told a doubt hears only that, or the answer. */
function contradiction(told: string, words: string): string | null {
  if (told.startsWith('done') && words !== told) return `told "${told}", then "${words}"`
  if (told === 'unknown' && words !== 'unknown' && !words.startsWith('done')) return `told "unknown", then "${words}"`
  return null
}

function seenBy({ record, claimants }: World, machine: Machine): Held | null {
  const owner = record === null ? undefined : claimants[record.owner]
  return machine.asSeen(record, 0, owner !== undefined && (owner.step === 'crashed' || owner.isLapsed))
}

/** An operator looks at a doubt whose owner is dead and says what the ledger says. */
function operatorSteps(world: World, { machine }: ExplorerOptions, next: Next): void {
  const seen = seenBy(world, machine)
  if (seen?.stage.kind !== 'unknown' || world.isResolved) return
  const isExecuted = world.dispatched.includes(seen.token)
  if (!isExecuted && world.claimants[seen.token]?.step !== 'crashed') return
  const decision = isExecuted ? { kind: 'executed', answer: 'operator' } as const : { kind: 'not-executed' } as const
  const { say, next: written } = machine.decideResolve(seen, decision, 'operator', 1, 0)
  const record = written === undefined ? world.record : written
  next(`the operator says ${decision.kind}: ${say}`, { ...world, record, isResolved: true, told: '' })
}
