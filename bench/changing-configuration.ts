// A configuration in many versions, each of which changes what is compiled (routes, a bulkhead, a header) and keeps
// what lives longer (the listener, the upstream's connections). Starts and measures nothing.

export interface Ports { readonly port: number, readonly adminPort: number, readonly originPort: number }

export function versionOf({ port, adminPort, originPort }: Ports, version: number): unknown {
  const extra = Array.from({ length: version % 20 }, (_, i) => ({ name: `extra-${i}`, path: `/extra-${i}/*` }))
  return {
    version: 1,
    listeners: { public: { kind: 'ingress', listen: `127.0.0.1:${port}` } },
    admin: { listen: `127.0.0.1:${adminPort}` },
    drain: { delay: 0, timeout: '1s' },
    upstreams: {
      // What a learned limit makes of a machine that others keep busy is not asked here.
      origin: {
        endpoints: [`http://127.0.0.1:${originPort}`], limit: 'off',
        bulkhead: { maxConcurrent: 400 + version % 100, maxWait: '1s' },
      },
    },
    routes: [...extra, { name: 'everything', path: '/*' }].map(({ name, path }) => ({
      name, listener: 'public', match: { path }, upstream: 'origin', deadline: { default: '10s', max: '10s' },
      headers: { response: { set: { 'x-version': String(version) } } },
    })),
  }
}
