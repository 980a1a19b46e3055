// Whether the files that listeners' encryption names are there, belong together and are valid now: a certificate that
// is over is found by `validate`, not by the first caller.

import { systemClock } from '../core/clock.ts'
import { certificateFault } from '../edge/certificate.ts'
import type { CertificateFault, CertificateTexts } from '../edge/certificate.ts'
import { child } from './document.ts'
import type { ConfigurationDocument } from './document.ts'
import type { EffectiveTls, Partly, PartlyFile } from './effective-file.ts'
import type { ConfigurationFaultCode, Fault } from './fault.ts'

/** Throws when a file cannot be read; paths are relative to the configuration. */
export type ReadFile = (path: string) => string

const words = ['cert', 'key', 'clientCa'] as const satisfies readonly (keyof CertificateTexts)[]

const codeOf: { readonly [K in CertificateFault['kind']]: ConfigurationFaultCode } = {
  'malformed': 'listener.tls-malformed', 'key-mismatch': 'listener.tls-key-mismatch', 'expired': 'listener.tls-expired',
}

/** What to do about a file of a certificate, whoever uses it. */
export const fixOf: { readonly [K in CertificateFault['kind']]: string } = {
  'malformed': 'write it in PEM, as `-----BEGIN …-----` begins it',
  'key-mismatch': 'name the key that the certificate was made for',
  'expired': 'renew the certificate',
}

/** Every listener's first fault of each file. `wallMs`: what time it is, ms since 1970. */
export function tlsChecks(
  file: PartlyFile, document: ConfigurationDocument, readFile: ReadFile, wallMs = systemClock.wallMs(),
): readonly Fault[] {
  return Object.entries(file.listeners ?? {}).flatMap(([name, listener]) => {
    const tls = listener?.tls
    return tls === undefined ? [] : checkOne(tls, child(child('/listeners', name), 'tls'), document, readFile, wallMs)
  })
}

function checkOne(
  tls: Partly<EffectiveTls>, pointer: string, document: ConfigurationDocument, readFile: ReadFile, wallMs: number,
): readonly Fault[] {
  const faults: Fault[] = []
  const texts: { -readonly [K in keyof CertificateTexts]: string | null } = { cert: null, key: null, clientCa: null }
  for (const word of words) {
    const path = tls[word]
    if (path === undefined) continue
    try {
      texts[word] = readFile(path)
    } catch (error) {
      faults.push(document.faultAt(child(pointer, word), {
        code: 'listener.tls-unreadable', message: `the file ${path} cannot be read: ${(error as Error).message}`,
        expected: 'a file that this user may read', got: JSON.stringify(path),
        fix: 'correct the path, or its permissions',
      }))
    }
  }
  const { cert, key, clientCa } = texts
  if (faults.length > 0 || cert === null || key === null) return faults
  const fault = certificateFault({ cert, key, clientCa }, wallMs)
  if (fault === null) return faults
  return [document.faultAt(child(pointer, fault.of), {
    code: codeOf[fault.kind], message: `the file ${tls[fault.of]} cannot be used: ${fault.message}`,
    got: JSON.stringify(tls[fault.of]), fix: fixOf[fault.kind],
  })]
}
