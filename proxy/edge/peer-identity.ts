// Who a peer proved to be: the name in its certificate, where the certificate was asked for and verified. It verifies
// nothing itself; the handshake has.

import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** See Caller.identity. */
export function identityOf(socket: Socket): string | null {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null
  const certificate = socket.getPeerX509Certificate()
  return certificate === undefined ? null : nameOf(certificate)
}

/** The name that this certificate gives its holder. */
export function nameOf(certificate: X509Certificate): string {
  const names = alternativeNames(certificate.subjectAltName ?? '')
  const name = names.find(([kind]) => kind === 'URI')?.[1] ?? names.find(([kind]) => kind === 'DNS')?.[1]
    ?? commonName(certificate)
  return name !== undefined && saneName.test(name) ? name : `sha256:${certificate.fingerprint256}`
}

/** Visible ASCII: it becomes part of keys and log lines. */
const saneName = /^[!-~]{1,256}$/

/**
 * `DNS:a.test, URI:spiffe://b/c` taken apart. Node writes a name that holds a comma, a quote or a control character as
 * a JSON string, so that one name cannot pass for two.
 */
function alternativeNames(text: string): (readonly [string, string])[] {
  return [...text.matchAll(alternative)].flatMap(([, kind = '', name = '']) =>
    name === '' || name.startsWith('"') ? [] : [[kind, name] as const])
}

const alternative = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?=, |$)/g

function commonName(certificate: X509Certificate): string | undefined {
  const { CN } = certificate.toLegacyObject().subject as { readonly CN?: string | readonly string[] }
  return typeof CN === 'string' ? CN : undefined
}
