// The ledger: every charge ever executed, by whichever port, on disk before anyone is told. It counts double charges
// and finds charges again; whether a repeated key executes again is the provider's decision, not the ledger's.

import type { Clock } from './clock.ts'
import type { LedgerFile } from './ledger-file.ts'
import { openLedgerFile } from './ledger-file.ts'

export interface Order {
  readonly key: string | null
  readonly port: number
  readonly amount: number
  readonly currency: string
  readonly source: string
  readonly reference: string
  /** Digest of the request body, to tell a repeated request from a reused key. */
  readonly bodySha256: string
}

export interface Charge extends Order {
  readonly id: string
  /** ISO 8601, when the charge was executed. */
  readonly at: string
}

export interface LedgerSummary {
  /** Charges executed. */
  readonly count: number
  /** Different keys among them. */
  readonly keys: number
  readonly withoutKey: number
  /** Executions that should not have happened: for each key, all but the first. */
  readonly extraExecutions: number
  /** Executions of each key that was executed more than once: the double charges. */
  readonly doubleCharges: Readonly<Record<string, number>>
  /** The same by reference, which also finds the double charges of callers that send no key. */
  readonly doubleReferences: Readonly<Record<string, number>>
}

/** About 1 GB of memory; an experiment of an hour at 270 charges a second stays below. */
export const MAX_CHARGES = 1_000_000

export class Ledger {
  readonly #file: LedgerFile
  readonly #clock: Clock
  readonly #charges: Charge[] = []
  readonly #byId = new Map<string, Charge>()
  readonly #byKey = new Map<string, Charge[]>()
  readonly #byReference = new Map<string, Charge[]>()
  #issuedIds: number

  constructor(file: LedgerFile, clock: Clock, charges: readonly Charge[]) {
    this.#file = file
    this.#clock = clock
    this.#issuedIds = charges.length
    for (const charge of charges) this.#add(charge)
  }

  /** Every executed charge, oldest first. */
  get charges(): readonly Charge[] {
    return this.#charges
  }

  get flushes(): number {
    return this.#file.flushes
  }

  /**
   * Executes the order: resolves with its charge once the row is flushed. Rejects when the disk failed, the ledger is
   * full or closed; the order then may or may not be on disk, as with any crash.
   */
  async execute(order: Order): Promise<Charge> {
    if (this.#issuedIds >= MAX_CHARGES) throw new Error(`Cannot execute: the ledger is full at ${MAX_CHARGES} charges`)
    this.#issuedIds += 1
    const id = `ch_${String(this.#issuedIds).padStart(8, '0')}`
    const charge = { id, at: new Date(this.#clock.wallMs()).toISOString(), ...order }
    await this.#file.append(JSON.stringify(charge))
    this.#add(charge)
    return charge
  }

  findById(id: string): Charge | null {
    return this.#byId.get(id) ?? null
  }

  /** The first charge executed with this key. */
  findByKey(key: string): Charge | null {
    return this.#byKey.get(key)?.[0] ?? null
  }

  findByReference(reference: string): readonly Charge[] {
    return this.#byReference.get(reference) ?? []
  }

  summary(): LedgerSummary {
    const doubleCharges = countRepeated(this.#byKey)
    let withKey = 0
    for (const charges of this.#byKey.values()) withKey += charges.length
    return {
      count: this.#charges.length,
      keys: this.#byKey.size,
      withoutKey: this.#charges.length - withKey,
      extraExecutions: withKey - this.#byKey.size,
      doubleCharges,
      doubleReferences: countRepeated(this.#byReference),
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  #add(charge: Charge): void {
    this.#charges.push(charge)
    this.#byId.set(charge.id, charge)
    if (charge.key !== null) addTo(this.#byKey, charge.key, charge)
    addTo(this.#byReference, charge.reference, charge)
  }
}

/** Opens the ledger at `path`; an interrupted last row is dropped and said so through `notice`. Throws on a bad row. */
export async function openLedger(path: string, clock: Clock, notice: (text: string) => void): Promise<Ledger> {
  const { file, lines, droppedBytes } = await openLedgerFile(path)
  if (droppedBytes > 0) notice(`ledger ${path}: dropped ${droppedBytes} bytes of an interrupted last row`)
  try {
    return new Ledger(file, clock, lines.map((line, index) => parseRow(line, path, index + 1)))
  } catch (error) {
    await file.close()
    throw error
  }
}

function parseRow(line: string, path: string, lineNumber: number): Charge {
  try {
    const row: unknown = JSON.parse(line)
    if (isCharge(row)) return row
  } catch {
    // Not JSON: the same fault as JSON of another shape, and said the same way below.
  }
  throw new Error(`Cannot read ledger ${path}: line ${lineNumber} must be a charge, got ${line.slice(0, 80)}`)
}

function isCharge(row: unknown): row is Charge {
  if (typeof row !== 'object' || row === null) return false
  const fields = row as Partial<Record<keyof Charge, unknown>>
  const texts = [fields.id, fields.at, fields.currency, fields.source, fields.reference, fields.bodySha256]
  const isKey = fields.key === null || typeof fields.key === 'string'
  const areNumbers = typeof fields.port === 'number' && typeof fields.amount === 'number'
  return isKey && areNumbers && texts.every((one) => typeof one === 'string')
}

function addTo(index: Map<string, Charge[]>, name: string, charge: Charge): void {
  const found = index.get(name)
  if (found === undefined) index.set(name, [charge])
  else found.push(charge)
}

function countRepeated(index: ReadonlyMap<string, readonly Charge[]>): Record<string, number> {
  // Without a prototype, so that a key called "__proto__" is counted like any other.
  const repeated: Record<string, number> = Object.create(null) as Record<string, number>
  for (const [name, charges] of index) {
    if (charges.length > 1) repeated[name] = charges.length
  }
  return repeated
}
