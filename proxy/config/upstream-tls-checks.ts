// Whether the files that upstreams' encryption names are there, belong together and are valid now, and whether what is
// written of it does what its author thinks.

import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { systemClock } from '../core/clock.ts'
import { certificateFault } from '../edge/certificate.ts'
import type { CertificateFault } from '../edge/certificate.ts'
import { child } from './document.ts'
import type { ConfigurationDocument } from './document.ts'
import type { EffectiveUpstream, EffectiveUpstreamTls, Partly, PartlyFile } from './effective-file.ts'
import type { ConfigurationFaultCode, Fault, Finding } from './fault.ts'
import { fixOf } from './tls-checks.ts'
import type { ReadFile } from './tls-checks.ts'

const words = ['ca', 'cert', 'key'] as const
type Texts = { [W in (typeof words)[number]]: string | null }

const codeOf: { readonly [K in CertificateFault['kind']]: ConfigurationFaultCode } = {
  'malformed': 'upstream.tls-malformed', 'key-mismatch': 'upstream.tls-key-mismatch', 'expired': 'upstream.tls-expired',
}

/** Every upstream's faults. `wallMs`: what time it is, ms since 1970. */
export function upstreamTlsChecks(
  file: PartlyFile, document: ConfigurationDocument, readFile: ReadFile, wallMs = systemClock.wallMs(),
): readonly Fault[] {
  const faults: Fault[] = []
  for (const [name, upstream] of Object.entries(file.upstreams ?? {})) {
    const tls = upstream?.tls
    if (upstream === undefined || tls === undefined) continue
    const pointer = child(child('/upstreams', name), 'tls')
    const report = (word: string | null, finding: Finding): void => {
      faults.push(document.faultAt(word === null ? pointer : child(pointer, word), finding))
    }
    checkUse(name, upstream, report)
    if (checkPair(tls, report)) checkFiles(tls, readFile, report, wallMs)
  }
  return faults
}

type Report = (word: string | null, finding: Finding) => void

function checkUse(name: string, { endpoints, tls }: Partly<EffectiveUpstream>, report: Report): void {
  if (tls?.insecureSkipVerify === true) {
    report('insecureSkipVerify', {
      code: 'upstream.tls-unverified',
      message: `whoever stands between us and upstream "${name}" can read and change everything`,
      fix: 'name its authority with "ca", and the name in its certificate with "serverName"',
    })
  }
  const urls = endpoints?.map((endpoint) => typeof endpoint === 'object' ? endpoint.url : endpoint)
  if (urls?.every((url) => url !== undefined && url.toLowerCase().startsWith('http:')) !== true) return
  report(null, {
    code: 'upstream.tls-unused', message: `no endpoint of upstream "${name}" is encrypted`,
    expected: 'an endpoint that begins with https', fix: 'write https:// where it is meant, or remove "tls"',
  })
}

function checkPair({ cert, key }: Partly<EffectiveUpstreamTls>, report: Report): boolean {
  if ((cert === undefined) === (key === undefined)) return true
  const [given, missing] = cert === undefined ? ['key', 'cert'] as const : ['cert', 'key'] as const
  report(given, {
    code: 'upstream.tls-incomplete', message: `"${given}" is of no use without "${missing}"`,
    fix: `name the file of the ${missing === 'key' ? 'private key' : 'certificate'} as well`,
  })
  return false
}

function checkFiles(tls: Partly<EffectiveUpstreamTls>, readFile: ReadFile, report: Report, wallMs: number): void {
  const texts: Texts = { ca: null, cert: null, key: null }
  let areRead = true
  for (const word of words) {
    const path = tls[word]
    if (path === undefined) continue
    try {
      texts[word] = readFile(path)
    } catch (error) {
      areRead = false
      report(word, {
        code: 'upstream.tls-unreadable', message: `the file ${path} cannot be read: ${(error as Error).message}`,
        expected: 'a file that this user may read', got: JSON.stringify(path),
        fix: 'correct the path, or its permissions',
      })
    }
  }
  const fault = areRead ? faultOf(texts, wallMs) : null
  if (fault === null) return
  const { of, kind, message } = fault
  report(of, {
    code: codeOf[kind], message: `the file ${tls[of]} cannot be used: ${message}`, got: JSON.stringify(tls[of]),
    fix: fixOf[kind],
  })
}

interface TextFault { readonly kind: CertificateFault['kind']; readonly of: keyof Texts; readonly message: string }

function faultOf({ ca, cert, key }: Texts, wallMs: number): TextFault | null {
  if (cert !== null && key !== null) {
    const fault = certificateFault({ cert, key, clientCa: null }, wallMs)
    if (fault !== null) return { kind: fault.kind, of: fault.of === 'key' ? 'key' : 'cert', message: fault.message }
  }
  if (ca === null) return null
  try {
    void new X509Certificate(ca)
    createSecureContext({ ca })
    return null
  } catch {
    return { kind: 'malformed', of: 'ca', message: 'there is no certificate in it' }
  }
}
