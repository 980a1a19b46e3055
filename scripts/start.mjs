// `npm start`: the whole picture on one machine: the provider simulator, the charge service, and Seawall in front of
// and beside it. Seawall stops first and is waited for, then the service, then the simulator, as a good platform would.

import { fileURLToPath } from 'node:url'
import { versionFault } from '../proxy/node-floor.mjs'
import { launch } from './launcher.mjs'

const parts = [
  { name: 'provider-sim', args: ['provider-sim/main.ts'], ports: [4000, 4001, 4002, 4100, 4200] },
  {
    name: 'service', args: ['sample-service/main.ts'], ports: [3000],
    env: {
      PROVIDER_URL: 'http://127.0.0.1:8081', FRAUD_URL: 'http://127.0.0.1:8082', WEBHOOK_URL: 'http://127.0.0.1:8083',
      RECONCILE_PROVIDER_URL: 'http://127.0.0.1:8084', ADMIN_TOKEN: process.env.ADMIN_TOKEN ?? 'demo',
    },
  },
  {
    name: 'seawall', args: ['proxy/seawall.mjs', 'run', '--config', 'config/charge.json'],
    ports: [8080, 8081, 8082, 8083, 8084, 9900, 9901],
  },
]

const greeting = `
  callers      http://127.0.0.1:8080   the charge service behind Seawall (directly: http://127.0.0.1:3000)
  way out      http://127.0.0.1:8081   provider · 8082 fraud · 8083 webhook · 8084 reconcile
  admin        http://127.0.0.1:9900/admin/status
  metrics      http://127.0.0.1:9901/metrics

  make a charge:
  curl -i http://127.0.0.1:8080/charge -H 'content-type: application/json' \\
    -d '{"amount":1999,"currency":"eur","customer":"cus_1","source":"tok_visa"}'

  Ctrl-C stops Seawall, then the service, then the simulator.
`

const fault = versionFault(process.versions.node)
if (fault !== null) {
  console.error(fault)
  process.exit(1)
}

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
process.exitCode = await launch(parts, {
  say: (line) => console.log(line),
  greeting,
  onSignal: (tell) => { for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, tell) },
})
