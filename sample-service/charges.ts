// The way of one charge: a pending row, the fraud check, the provider, the row's end. It holds its database
// connection from the first step to the last, also while it waits for others, which is the fault that lets one
// slow dependency take the whole service. It knows no HTTP and does not deduplicate: the same order twice is
// two charges.

import { randomUUID } from 'node:crypto'
import { DependencyError } from './dependencies.ts'
import type { Charge, Connection, Database } from './database.ts'
import type { FraudClient, ProviderClient } from './dependencies.ts'
import type { TraceHeaders } from './trace.ts'

export interface ChargeOrder {
  readonly amount: number
  readonly currency: string
  readonly customer: string
  readonly source: string
  readonly idempotencyKey: string | null
}

export type ChargeEnd =
  | { readonly kind: 'succeeded', readonly charge: Charge }
  | { readonly kind: 'declined', readonly charge: Charge, readonly by: 'fraud check' | 'provider' }
  /** The row stays pending: whether the provider charged is for the reconciliation to find out. */
  | { readonly kind: 'unknown', readonly charge: Charge, readonly cause: DependencyError }

export interface ChargeParts {
  readonly database: Database
  readonly provider: ProviderClient
  readonly fraud: FraudClient
}

export class Charges {
  readonly #parts: ChargeParts
  readonly #underway = new Set<string>()

  constructor(parts: ChargeParts) {
    this.#parts = parts
  }

  /** Throws only when the database fails. */
  create(order: ChargeOrder, trace: TraceHeaders): Promise<ChargeEnd> {
    return this.#parts.database.withConnection(async (connection) => {
      const charge: Charge = {
        ...order, id: randomUUID(), status: 'pending', providerId: null, createdAt: new Date().toISOString()
      }
      this.#underway.add(charge.id)
      try {
        await connection.insertCharge(charge)
        return await this.#execute(charge, connection, trace)
      } finally {
        this.#underway.delete(charge.id)
      }
    })
  }

  /** True while this process still waits for the end of the charge. */
  isUnderway(id: string): boolean {
    return this.#underway.has(id)
  }

  async #execute(charge: Charge, connection: Connection, trace: TraceHeaders): Promise<ChargeEnd> {
    try {
      const { fraud, provider } = this.#parts
      const decision = await fraud.decide({ customer: charge.customer, amount: charge.amount }, trace)
      if (decision === 'deny') {
        return { kind: 'declined', by: 'fraud check', charge: await settle(connection, charge, 'declined', null) }
      }
      const { id: reference, amount, currency, source } = charge
      const answer = await provider.charge({ amount, currency, source, reference }, charge.idempotencyKey, trace)
      if (answer.kind === 'declined') {
        return { kind: 'declined', by: 'provider', charge: await settle(connection, charge, 'declined', null) }
      }
      return { kind: 'succeeded', charge: await settle(connection, charge, 'succeeded', answer.charge.id) }
    } catch (error) {
      if (error instanceof DependencyError) return { kind: 'unknown', charge, cause: error }
      throw error
    }
  }
}

async function settle(
  connection: Connection, charge: Charge, status: 'succeeded' | 'declined', providerId: string | null
): Promise<Charge> {
  await connection.settleCharge(charge.id, { status, providerId })
  return { ...charge, status, providerId }
}
