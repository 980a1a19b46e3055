// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The class of a request: that of its route, or of the exchange it is made for, lowered by what its head asks for
// (x-request-priority, else the urgency of RFC 9218). Nobody raises itself by a header; nonsense is ignored and
// counted.

import { parseDictionary } from 'structured-headers'
import type { Exchange } from '../../core/exchange.ts'
import type { Counter } from '../../core/meter.ts'
import { levelOf, priorities } from '../../core/priority.ts'
import type { Priority } from '../../core/priority.ts'
import type { RawHeaders } from '../../core/raw-headers.ts'

const ownName = 'x-request-priority'
const urgencyName = 'priority'

/** What browsers send; everything else goes through the parser. */
const plainUrgency = /^u=([0-7])(?:, ?i)?$/
const noUrgency = /^i?$/

/** What a head asks for: a level, -1 for nothing, or -2 for nonsense. */
const nothing = -1
const nonsense = -2

export class PriorityReader {
  readonly #ignored: Counter
  /** The highest level of the route's own requests. */
  readonly #ceiling: number
  /** The same for those made on behalf of another exchange, whose class is known and believed. */
  readonly #inheritedCeiling: number
  readonly #isDeaf: boolean

  /** `own`: the route's class, undefined where it names none; `off`: its callers are not listened to. */
  constructor(own: Priority | 'off' | undefined, ignored: Counter) {
    this.#ignored = ignored
    this.#isDeaf = own === 'off'
    this.#ceiling = own === undefined || own === 'off' ? levelOf.default : levelOf[own]
    this.#inheritedCeiling = own === undefined ? levelOf.critical : this.#ceiling
  }

  /** Sets the class of an exchange. */
  read(exchange: Exchange): void {
    const inherited = exchange.inheritedPriority
    let level = inherited === null ? this.#ceiling : Math.max(levelOf[inherited], this.#inheritedCeiling)
    if (!this.#isDeaf) {
      const asked = levelAskedFor(exchange.caller.head.headers)
      if (asked > level) level = asked
      else if (asked !== nothing && asked !== level) this.#ignored.add()
    }
    exchange.priority = priorities[level] as Priority
  }
}

/** One pass over the head: most have neither field, and most names are told apart by their length. */
function levelAskedFor(headers: RawHeaders): number {
  let own: string | null = null
  let urgency: string | null = null
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length !== ownName.length && name.length !== urgencyName.length) continue
    const lower = name.toLowerCase()
    const value = headers[i + 1] as string
    // Said twice it is nonsense; a list of RFC 9218 may be split over lines.
    if (lower === ownName) own = own === null ? value : ''
    else if (lower === urgencyName) urgency = urgency === null ? value : `${urgency}, ${value}`
  }
  if (own !== null) {
    const level = priorities.indexOf(own as Priority)
    return level < 0 ? nonsense : level
  }
  return urgency === null ? nothing : levelOfUrgency(urgency)
}

/**
 * RFC 9218 section 4.1: 0 to 7, 3 where nothing is said. It orders the answers of one client, so that being urgent says
 * nothing here; from 5 on it is what nobody waits for.
 */
function levelOfUrgency(value: string): number {
  const plain = plainUrgency.exec(value)
  if (plain !== null) return levelOfNumber(Number(plain[1]))
  if (noUrgency.test(value)) return nothing
  let urgency: unknown
  try {
    urgency = parseDictionary(value).get('u')?.[0]
  } catch {
    // No structured field: that is all there is to know of it.
    return nonsense
  }
  if (urgency === undefined) return nothing
  return typeof urgency === 'number' && Number.isInteger(urgency) && urgency >= 0 && urgency <= 7
    ? levelOfNumber(urgency)
    : nonsense
}

function levelOfNumber(urgency: number): number {
  return urgency < 5 ? nothing : levelOf.sheddable
}
