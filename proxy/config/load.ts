// Reading a configuration: text in, either everything the house needs or every fault at once out. It opens no file and
// reads no environment itself; both come in through its options.

import { dirname, resolve } from 'node:path'
import type { Configuration } from '../core/configuration.ts'
import { allAtOnce } from '../core/steps.ts'
import type { Steps } from '../core/steps.ts'
import { crossChecks } from './cross-checks.ts'
import { ConfigurationDocument } from './document.ts'
import { effectiveOf } from './effective.ts'
import type { EffectiveValue, Origins } from './effective.ts'
import type { EffectiveFile, PartlyFile } from './effective-file.ts'
import { hasErrors, inTextOrder } from './fault.ts'
import type { Fault } from './fault.ts'
import type { Variables } from './interpolate.ts'
import { normalise } from './normalise.ts'
import { optionFaults } from './option-fault.ts'
import type { Rules } from './rules.ts'
import { schemaFaults } from './schema-faults.ts'
import { Source } from './source.ts'
import { readTree } from './syntax.ts'
import { tlsChecks } from './tls-checks.ts'
import { upstreamTlsChecks } from './upstream-tls-checks.ts'

/** Words of the command line that go before the file. */
export interface Overrides {
  /** `--observe`: everything observes, whatever the file says. */
  readonly observe?: boolean
  /** `--admin HOST:PORT`; what cannot be used is a fault of that option. */
  readonly admin?: string
  /** Started from a terminal: nobody balances towards it, so that a drain whose delay is not written has none. */
  readonly isTerminal?: boolean
}

export interface LoadOptions extends Variables {
  /** Name of the file as faults and origins show it; `${file:…}` is relative to its folder. */
  readonly file: string
  readonly rules: Rules
  readonly overrides?: Overrides
}

export interface Valid {
  readonly ok: true
  readonly configuration: Configuration
  readonly origins: Origins
  readonly warnings: readonly Fault[]
}

export type Loaded = Valid | { readonly ok: false; readonly faults: readonly Fault[] }

/** Never throws for what the text says. Faults come in the order of the text, warnings among them. */
export function loadConfiguration(text: string, options: LoadOptions): Loaded {
  return allAtOnce(loading(text, options))
}

/** The same in steps, for a process that serves meanwhile. */
export function* loading(text: string, options: LoadOptions): Steps<Loaded> {
  const wrongOptions = optionFaults('--admin', 'listen-address', options.overrides?.admin ?? '127.0.0.1:0')
  if (wrongOptions.length > 0) return { ok: false, faults: wrongOptions }
  const source = new Source(options.file, text)
  const syntax = readTree(source)
  yield
  if (syntax.root === null) return { ok: false, faults: syntax.faults }
  const { rules, overrides = {} } = options
  const readFile = readingOnce((path) => options.readFile(resolve(dirname(options.file), path)))
  const document = new ConfigurationDocument(source, syntax.root, rules.schema, { env: options.env, readFile })
  yield
  const { faults: wrong, invalid } = schemaFaults(document, rules.validate(document.value))
  yield
  const { value, origins } = yield* effectiveOf(document, rules.schema, invalid)
  yield
  const overridden = override(value as PartlyFile, origins, overrides)
  const faults = inTextOrder([
    ...syntax.faults, ...document.faults, ...wrong,
    ...(invalid.has('') ? [] : crossChecks(overridden, document).map((fault) => blamed(fault, overrides))),
    ...(invalid.has('') ? [] : tlsChecks(overridden, document, readFile)),
    ...(invalid.has('') ? [] : upstreamTlsChecks(overridden, document, readFile)),
  ])
  if (hasErrors(faults)) return { ok: false, faults }
  yield
  const configuration = normalise(overridden as EffectiveFile, {
    file: options.file, keys: rules.keys, observe: overrides.observe === true, readFile,
  })
  return { ok: true, configuration, origins, warnings: faults }
}

/** What was checked is what is used, also where somebody writes the files at this moment. */
function readingOnce(read: (path: string) => string): (path: string) => string {
  const known = new Map<string, string>()
  return (path) => {
    const text = known.get(path) ?? read(path)
    known.set(path, text)
    return text
  }
}

/** An admin listener that the command line exposed is no fault of any line. */
function blamed(fault: Fault, { admin }: Overrides): Fault {
  if (admin === undefined || fault.code !== 'admin.exposed') return fault
  return { ...fault, file: '--admin', line: 0, column: 0, length: 1 }
}

function override(file: PartlyFile, origins: Map<string, EffectiveValue>, overrides: Overrides): PartlyFile {
  let changed = file
  if (overrides.admin !== undefined) {
    changed = { ...changed, admin: { ...changed.admin, listen: overrides.admin } }
    origins.set('/admin/listen', {
      path: 'admin.listen', shown: overrides.admin, origin: { kind: 'option', option: '--admin' },
    })
  }
  if (overrides.isTerminal === true && origins.get('/drain/delay')?.origin.kind === 'default') {
    changed = { ...changed, drain: { ...changed.drain, delay: 0 } }
    origins.set('/drain/delay', { path: 'drain.delay', shown: '0ms', origin: { kind: 'default' } })
  }
  if (overrides.observe === true) {
    for (const pointer of origins.keys()) if (pointer.endsWith('/mode')) origins.delete(pointer)
    origins.set('/mode', { path: 'mode', shown: 'observe', origin: { kind: 'option', option: '--observe' } })
  }
  return changed
}
