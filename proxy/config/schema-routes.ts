// The parts of upstreams and routes that belong to no policy: where they lead, what they match, and how heads change on
// the way. It names the features that this version does not have nowhere: not-yet.ts does.

import { Type } from 'typebox'
import type { TSchema } from 'typebox'
import { Duration, Size } from '../core/option-schema.ts'
import { modeSchema, namePattern } from './schema-parts.ts'
import { sloSchema } from './slo-schema.ts'
import { upstreamProtocolProperties } from './upstream-tls-schema.ts'

const optional = Type.Optional
const closed = { additionalProperties: false } as const

const origin = Type.String({
  format: 'origin', description: 'Scheme, host and port; no path.', examples: ['http://127.0.0.1:3000'],
})

const endpointSchema = Type.Object({
  url: origin,
  tier: optional(Type.Integer({
    description: '0 is asked first; the next tier only when the ones before have nobody left.', default: 0, minimum: 0,
    maximum: 9,
  })),
  weight: optional(Type.Number({
    description: 'Its part among its tier. 0: it gets nothing.', default: 1, minimum: 0, maximum: 1000,
  })),
}, { ...closed, description: 'An address with its tier and weight.' })

export const upstreamProperties: Readonly<Record<string, TSchema>> = {
  endpoints: Type.Array(Type.Unsafe<string | object>({
    description: 'An address, alone or with what is said of it.', examples: ['http://127.0.0.1:3000'],
    anyOf: [origin, endpointSchema],
  }), {
    description: 'The addresses of this upstream. A name with several addresses is an endpoint for each of them.',
    examples: [['http://127.0.0.1:3000']], minItems: 1, maxItems: 1000, uniqueItems: true,
  }),
  host: optional(Type.String({
    format: 'authority', description: 'The Host sent upstream. Absent: the one the caller asked for.',
    examples: ['api.provider.example'],
  })),
  startup: optional(Duration({
    description: 'Until the first answer, how long refused connections mean "not ready yet".', default: '30s',
    examples: ['2m'], atMost: 3_600_000,
  })),
  ...upstreamProtocolProperties,
}

const headerNames = (description: string): TSchema => optional(Type.Array(Type.String({
  format: 'header-name', description: 'Name of a header field.', examples: ['x-internal'],
}), { description, default: [], examples: [['x-internal']], maxItems: 100 }))

const headerValues = (description: string): TSchema => optional(Type.Unsafe({
  type: 'object', additionalProperties: false, description, default: {}, examples: [{ 'x-served-by': 'seawall' }],
  patternProperties: {
    '^[!#$%&\'*+.^_`|~0-9A-Za-z-]+$': {
      type: 'string', format: 'header-value', maxLength: 8192, description: 'Value of the field.',
    },
  },
}))

const headerChanges = (whose: string): TSchema => optional(Type.Object({
  set: headerValues(`Fields that ${whose} carries; one that is there already is replaced.`),
  remove: headerNames(`Fields taken out of ${whose}.`),
}, { ...closed, default: {}, description: `Changes to the head of ${whose}.` }))

export const routeProperties: Readonly<Record<string, TSchema>> = {
  name: Type.String({
    pattern: namePattern, description: 'Its name in metrics, logs and status.', examples: ['create-charge'],
  }),
  listener: Type.String({ description: 'Name of the listener it stands on.', examples: ['public'] }),
  match: Type.Object({
    methods: optional(Type.Array(Type.String({
      format: 'method', description: 'A method in capitals.', examples: ['POST'],
    }), {
      description: 'Methods it takes. Absent: every method.', examples: [['GET', 'HEAD']], minItems: 1, maxItems: 40,
      uniqueItems: true,
    })),
    host: optional(Type.String({
      format: 'match-host', description: 'Host it takes, in small letters, without port. Absent: every host.',
      examples: ['shop.example'],
    })),
    path: Type.String({
      format: 'match-path',
      description: 'Path it takes: exact, with :parameters for single segments, or a prefix with a final *.',
      examples: ['/charge', '/charges/:id', '/v1/*'],
    }),
  }, {
    ...closed, description: 'What it takes. Routes are tried in the order of the file; the first match wins.',
    examples: [{ path: '/*' }],
  }),
  upstream: Type.String({ description: 'Name of the upstream behind it.', examples: ['charge-service'] }),
  mode: optional(Type.Unsafe({
    ...modeSchema, examples: ['observe'],
    description: 'enforce acts; observe counts what it would have done. Absent: the mode of the whole.',
  })),
  stream: optional(Type.Boolean({
    description: 'Its answers are streams: the deadline covers their head only.', default: false,
  })),
  explain: optional(Type.Boolean({
    description: 'Its answers say in server-timing what they took: queue, attempts, upstream time.', default: false,
  })),
  slo: optional(sloSchema),
  rewrite: optional(Type.Object({
    stripPrefix: optional(Type.String({
      format: 'path-prefix', description: 'Cut from the front of the path before it goes upstream.', default: '',
      examples: ['/api'],
    })),
  }, { ...closed, default: {}, description: 'How the path changes on its way upstream.' })),
  headers: optional(Type.Object({
    request: headerChanges('the request'),
    response: headerChanges('the response'),
  }, { ...closed, default: {}, description: 'How heads change on their way.' })),
  limits: optional(Type.Object({
    bodyBytes: optional(Type.Unsafe({
      description: 'Largest request body. off: no limit.', default: 'off', examples: ['1MiB'],
      anyOf: [{ const: 'off', description: 'No limit.' }, Size({ description: 'Largest request body.', atLeast: 0 })],
    })),
  }, { ...closed, default: {}, description: 'What one request of this route may take.' })),
}
