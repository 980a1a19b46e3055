// How an upstream is spoken to beside its policies: encryption, HTTP/2, and whether it is a Seawall itself. What is
// done with it is upstream/'s affair.

import { Type } from 'typebox'
import type { TSchema } from 'typebox'

const optional = Type.Optional

const pemFile = (description: string, example: string): TSchema =>
  Type.String({ format: 'file-path', description, examples: [example] })

export const upstreamProtocolProperties: Readonly<Record<string, TSchema>> = {
  tls: optional(Type.Object({
    ca: optional(pemFile(
      'File of the authorities that may have signed its certificate, PEM. Absent: those that Node knows.',
      '/run/tls/ca.crt',
    )),
    cert: optional(pemFile(
      'File of our certificate and those between it and its authority, PEM: shown where it is asked for.',
      '/run/tls/client.crt',
    )),
    key: optional(pemFile('File of the private key of `cert`, PEM.', '/run/tls/client.key')),
    serverName: optional(Type.String({
      format: 'server-name', examples: ['api.provider.example'],
      description: 'The name that is asked for (SNI) and has to stand in the certificate. Absent: the host of the '
        + 'endpoint.',
    })),
    insecureSkipVerify: optional(Type.Boolean({
      description: 'true: take any certificate of anybody. For a laptop; validate warns of it.', default: false,
    })),
  }, {
    additionalProperties: false,
    description: 'How endpoints that begin with https are verified, and what they are shown. Files are read with the '
      + 'configuration, and again when they change.',
  })),
  http2: optional(Type.Boolean({
    description: 'Whether HTTP/2 is spoken: to https endpoints where ALPN agrees on it; to http endpoints always, '
      + 'without asking.',
    default: false,
  })),
  type: optional(Type.Unsafe<'seawall'>({
    type: 'string', enum: ['seawall'],
    description: 'seawall: another Seawall, whose proxy-status is believed.',
  })),
}
