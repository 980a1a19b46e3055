// The other proxies before upstreams that fail, each as its manual sets up repetitions and the leaving out of bad
// endpoints; values that are not written are their defaults. What one cannot express it is not asked to show.
import type { Contender } from '../contenders/contender.ts'
import { haproxyLike, neighbour, nginxLike } from '../contenders/neighbours.ts'
import { through } from './arm.ts'
import type { Arm } from './arm.ts'

/** How long one attempt may take where an endpoint may say nothing; Seawall is given the same. */
export const attemptTimeoutMs = 1000
/** Beside the first attempt. */
const repetitions = 2

/** Envoy: another endpoint than before, where there is one. */
const elsewhere = {
  retry_host_predicate: [{
    name: 'envoy.retry_host_predicates.previous_hosts',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
    },
  }],
  host_selection_retry_max_attempts: 3,
}
const repeating = {
  retry_policy: {
    ...elsewhere, retry_on: '5xx,reset,connect-failure', num_retries: repetitions,
    per_try_timeout: `${attemptTimeoutMs / 1000}s`,
  },
}

/** Two repetitions of whatever failed. */
export const haproxyRetrying: Arm = through('haproxy', () => haproxyLike('haproxy', {
  backend: `retries ${repetitions}\n  retry-on all-retryable-errors`,
}))

/** Two repetitions; three at once at most, which is its default budget. */
export const envoyRetrying: Arm = through('envoy', (ports) => envoy(ports, repeating))

/** Leaves out endpoints with its defaults for outliers, and repeats at another one. */
export const envoyOutliers: Arm = through('envoy', (ports) => envoy(ports, repeating))

/** A second request to another endpoint after that time, which it has to be told; the first good answer counts. */
export function envoyHedging(name: string, afterMs: number): Arm {
  return through(name, (ports) => envoy(ports, {
    retry_policy: { ...elsewhere, retry_on: '5xx', num_retries: 1, per_try_timeout: `${afterMs / 1000}s` },
    hedge_policy: { hedge_on_per_try_timeout: true },
  }))
}

/** Its default: one failure leaves an endpoint out for ten seconds; another is asked instead. */
export const nginxNext: Arm = through('nginx', (ports) => {
  const servers = ports.map((port) => `server 127.0.0.1:${port};`).join(' ')
  return nginxLike('nginx', {
    http: `upstream endpoints { ${servers} keepalive 64; keepalive_requests 100000000; }`,
    passesOn: false,
    location: `proxy_pass http://endpoints;
      proxy_http_version 1.1;
      proxy_set_header connection "";
      proxy_read_timeout ${attemptTimeoutMs}ms;
      proxy_next_upstream error timeout http_500 http_502 http_503 http_504;
      proxy_next_upstream_tries ${repetitions + 1};`,
  })
})

function envoy(ports: readonly number[], route: object): Contender {
  return neighbour('envoy', 'envoy', (port) => ({
    configuration: JSON.stringify(bootstrap(port, ports, route)),
    file: 'envoy.json',
    args: (file) => ['-c', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error'],
  }))
}

function bootstrap(port: number, ports: readonly number[], route: object): unknown {
  const address = (portValue: number): unknown =>
    ({ socket_address: { address: '127.0.0.1', port_value: portValue } })
  return {
    static_resources: {
      listeners: [{ name: 'bench', address: address(port), filter_chains: [{ filters: [httpManager(route)] }] }],
      clusters: [{
        name: 'origin', type: 'STATIC', connect_timeout: '1s', outlier_detection: {},
        load_assignment: {
          cluster_name: 'origin',
          endpoints: [{ lb_endpoints: ports.map((one) => ({ endpoint: { address: address(one) } })) }],
        },
      }],
    },
  }
}

function httpManager(own: object): unknown {
  const typeOf = (name: string): string => `type.googleapis.com/envoy.extensions.filters.${name}`
  const route = { match: { prefix: '/' }, route: { cluster: 'origin', timeout: '0s', ...own } }
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': typeOf('network.http_connection_manager.v3.HttpConnectionManager'),
      stat_prefix: 'bench',
      route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }] },
      http_filters: [{ name: 'envoy.filters.http.router', typed_config: { '@type': typeOf('http.router.v3.Router') } }],
    },
  }
}
