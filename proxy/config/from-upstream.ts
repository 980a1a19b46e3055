// The configuration of `run --upstream URL`, without a file: one listener, one catch-all route, every default. It goes
// through the same checks as a file, and its values say which option they came from.

import type { Configuration } from '../core/configuration.ts'
import type { EffectiveValue, Origins } from './effective.ts'
import type { Fault } from './fault.ts'
import { loadConfiguration } from './load.ts'
import type { Loaded } from './load.ts'
import { optionFaults } from './option-fault.ts'
import { currentRules } from './rules.ts'

export interface UpstreamOptions {
  /** `--upstream`: scheme, host and port. */
  readonly upstream: string
  /** `--listen`, 127.0.0.1:8080 when absent. */
  readonly listen?: string | undefined
  /** `--admin`, 127.0.0.1:9900 when absent. */
  readonly admin?: string | undefined
  /** `--observe`. */
  readonly observe?: boolean | undefined
  /** Whether it is started from a terminal: then a drain has no delay. */
  readonly isTerminal?: boolean | undefined
}

const defaultListen = '127.0.0.1:8080'

/** Which option each written value came from. */
const optionOf: Readonly<Record<string, string>> = {
  '/upstreams/service/endpoints': '--upstream', '/listeners/public/listen': '--listen', '/admin/listen': '--admin',
}

/** Faults carry the option as their file and no line. */
export function configurationFromUpstream(options: UpstreamOptions): Loaded {
  const { upstream, listen, admin } = options
  // A trailing slash is how browsers show an origin; it is no path.
  const origin = upstream.replace(/\/$/, '')
  const faults = [
    ...optionFaults('--upstream', 'origin', origin),
    ...(listen === undefined ? [] : optionFaults('--listen', 'listen-address', listen)),
    ...(admin === undefined ? [] : optionFaults('--admin', 'listen-address', admin)),
  ]
  if (faults.length > 0) return { ok: false, faults }
  const text = JSON.stringify({
    version: 1,
    listeners: { public: { kind: 'ingress', listen: listen ?? defaultListen } },
    ...(admin === undefined ? {} : { admin: { listen: admin } }),
    upstreams: { service: { endpoints: [origin] } },
    routes: [{ name: 'everything', listener: 'public', match: { path: '/*' }, upstream: 'service' }],
  })
  const loaded = loadConfiguration(text, {
    file: 'command line', rules: currentRules(), env: {},
    readFile: () => { throw new Error('there are no files here') },
    overrides: { observe: options.observe === true, isTerminal: options.isTerminal === true },
  })
  if (!loaded.ok) return { ok: false, faults: loaded.faults.map(onTheCommandLine) }
  const configuration: Configuration = { ...loaded.configuration, file: null }
  return { ...loaded, configuration, origins: withOptions(loaded.origins, listen !== undefined) }
}

/** What stands in the text made above has no line that anybody wrote. */
function onTheCommandLine(fault: Fault): Fault { return { ...fault, line: 0, column: 0, length: 1 } }

function withOptions(origins: Origins, isListenGiven: boolean): Origins {
  return new Map([...origins].map(([pointer, value]): [string, EffectiveValue] => {
    if (value.origin.kind !== 'file') return [pointer, value]
    const option = pointer === '/listeners/public/listen' && !isListenGiven ? undefined : optionOf[pointer]
    return [pointer, { ...value, origin: option === undefined ? { kind: 'default' } : { kind: 'option', option } }]
  }))
}
