// Options of inheritance: there is only whether.

import { Type } from 'typebox'

export const inheritSchema = Type.Object({}, {
  additionalProperties: false, default: {},
  description: 'On egress routes: whether calls of the service take over what is left of the time, the class and the '
    + 'end of the exchanges they are made for, found by traceparent. On ingress routes: whether exchanges lend them.',
  examples: ['off', { mode: 'observe' }],
})
