// Options of faults that a team injects on purpose, to rehearse.

import { Type } from 'typebox'
import type { Static } from 'typebox'
import { Duration, Size } from '../../core/option-schema.ts'

const closed = { additionalProperties: false } as const

const injectionSchema = Type.Object({
  share: Type.Optional(Type.Number({
    minimum: 0, maximum: 1, default: 1, description: 'The part of the attempts that is struck, by lot.',
    examples: [0.05],
  })),
  header: Type.Optional(Type.String({
    format: 'header-name', description: 'Strikes only requests that carry this field, whatever it says.',
    examples: ['x-rehearse'],
  })),
  delay: Type.Optional(Duration({
    description: 'Waits that long before anything is sent; it counts as time of the upstream.', examples: ['300ms'],
    atLeast: 1, atMost: 3_600_000,
  })),
  abort: Type.Optional(Type.Integer({
    minimum: 400, maximum: 599, description: 'Answers with this status in the place of the upstream; nothing is sent.',
    examples: [503],
  })),
  reset: Type.Optional(Type.Unsafe<'before' | 'after'>({
    type: 'string', enum: ['before', 'after'],
    description: 'Breaks the connection. before: nothing is sent, and it counts as maybe delivered all the same; '
      + 'after: the upstream has answered, and its answer is lost.',
  })),
  bodyRate: Type.Optional(Size({
    description: 'Lets the body of an answer through at this many bytes a second.', examples: ['1KiB'], atLeast: 1,
    atMost: 1_073_741_824,
  })),
}, { ...closed, minProperties: 1, description: 'One fault, and whom it strikes.' })

const injectionsSchema = Type.Array(injectionSchema, {
  description: 'The faults; the first that strikes an attempt is the one it gets.', minItems: 1, maxItems: 16,
  examples: [[{ share: 0.1, abort: 503 }]],
})

export const faultSchema = Type.Union([
  injectionsSchema, Type.Object({ injections: injectionsSchema }, closed),
], {
  description: 'Faults injected on purpose between the last policy and the upstream, so that breakers, retries and '
    + 'fallbacks meet them as they would meet real ones. Off unless written.',
  examples: [[{ header: 'x-rehearse', delay: '300ms' }, { share: 0.05, abort: 503 }]],
})

export type FaultOptions = Static<typeof faultSchema>
export type InjectionOptions = Static<typeof injectionSchema>
