// Whether a certificate, its key and the authorities of callers can serve a listener, said in one line when they
// cannot. It is asked when a configuration is read, and again whenever the files have changed.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

/** The PEM texts of one listener; `clientCa` null: callers are not asked for a certificate. */
export interface CertificateTexts {
  readonly cert: string
  readonly key: string
  readonly clientCa: string | null
}

export interface CertificateFault {
  readonly kind: 'malformed' | 'key-mismatch' | 'expired'
  /** Which of the texts is to blame. */
  readonly of: keyof CertificateTexts
  /** What is wrong; nothing of a key is in it. */
  readonly message: string
}

/** The first thing that is wrong at `wallMs`, ms since 1970; null when all of it can be used. */
export function certificateFault(texts: CertificateTexts, wallMs: number): CertificateFault | null {
  const certificate = firstOf(texts.cert)
  if (certificate === null) return malformed('cert', 'there is no certificate in it')
  const key = keyOf(texts.key)
  if (key === null) return malformed('key', 'there is no private key in it that can be used without a passphrase')
  if (!certificate.checkPrivateKey(key)) {
    const message = `the key is not that of the certificate (${named(certificate)})`
    return { kind: 'key-mismatch', of: 'key', message }
  }
  const span = `${named(certificate)}, valid from ${certificate.validFrom} to ${certificate.validTo}`
  if (certificate.validToDate.getTime() <= wallMs) {
    return { kind: 'expired', of: 'cert', message: `it is over: ${span}` }
  }
  if (certificate.validFromDate.getTime() > wallMs) {
    return { kind: 'expired', of: 'cert', message: `it is not valid yet: ${span}` }
  }
  if (texts.clientCa !== null && firstOf(texts.clientCa) === null) {
    return malformed('clientCa', 'there is no certificate in it')
  }
  return unusable(texts)
}

/** When the certificate ends, as it says it; '' when there is none. */
export function validTo(cert: string): string {
  return firstOf(cert)?.validTo ?? ''
}

/** What only the library that is to use them finds: a broken chain, a key that is too short. */
function unusable({ cert, key, clientCa }: CertificateTexts): CertificateFault | null {
  try {
    createSecureContext({ cert, key, ...(clientCa === null ? {} : { ca: clientCa }) })
    return null
  } catch (error) {
    return malformed('cert', (error as Error).message)
  }
}

function malformed(of: keyof CertificateTexts, message: string): CertificateFault {
  return { kind: 'malformed', of, message }
}

function firstOf(text: string): X509Certificate | null {
  try {
    return new X509Certificate(text)
  } catch {
    return null
  }
}

function keyOf(text: string): ReturnType<typeof createPrivateKey> | null {
  try {
    return createPrivateKey(text)
  } catch {
    return null
  }
}

function named(certificate: X509Certificate): string {
  return certificate.subject.replaceAll('\n', ', ')
}
